// promtool's tests of every alert: what a sound agent says, changed in one thing; then only the alerts named fire.
local mixin = import '../mixin.libsonnet';

local job = 'job="rollback-agent",instance="agent-1:9798"';
local place = job + ',service="checkout",environment="production"';

// What a sound agent says, by a name that cases refer to. Values are per minute.
local sound = {
  up: ['up{%s}' % job, '1+0x100'],
  start: ['process_start_time_seconds{%s}' % job, '0+0x100'],
  ready: ['rollback_agent_ready{%s}' % job, '1+0x100'],
  acting: ['rollback_agent_acting{%s}' % job, '1+0x100'],
  config: ['rollback_agent_config_last_reload_successful{%s}' % job, '1+0x100'],
  fast: ['rollback_agent_ledger_append_duration_seconds_bucket{%s,le="1"}' % job, '0+60x100'],
  slow: ['rollback_agent_ledger_append_duration_seconds_bucket{%s,le="2.5"}' % job, '0+60x100'],
  all: ['rollback_agent_ledger_append_duration_seconds_bucket{%s,le="+Inf"}' % job, '0+60x100'],
  watchdog: ['rollback_agent_watchdog_age_seconds{%s}' % place, '30+0x100'],
  polled: ['rollback_agent_poll_timestamp_seconds{%s}' % place, '0+60x100'],
  t0: ['rollback_agent_release_timestamp_seconds{%s}' % place, '0+0x100'],
  good: ['rollback_agent_webhook_requests_total{%s,code="200"}' % job, '0+5x100'],
  unstored: ['rollback_agent_webhook_requests_total{%s,code="503"}' % job, '0+0x100'],
  unread: ['rollback_agent_webhook_requests_total{%s,code="422"}' % job, '0+0x100'],
  untrusted: ['rollback_agent_webhook_requests_total{%s,code="401"}' % job, '0+0x100'],
  missed: ['rollback_agent_missed_deliveries_total{%s}' % place, '0+0x100'],
  untrue: ['rollback_agent_decisions_total{%s,verdict="ignore",reason="not_corroborated"}' % place, '0+0x100'],
  plan: ['rollback_agent_plan_info{%s,runbook_sha256="aa",rules_sha256="51ab"}' % place, '1+0x100'],
  rules: ['promrulegen_rules_info{service="checkout",environment="production",sha256="51ab",version="1"}', '1+0x100'],
  human: ['rollback_agent_incidents{%s,phase="human"}' % place, '0+0x100'],
  classified: ['rollback_agent_incidents{%s,phase="classified"}' % place, '1+0x100'],
  proposals: ['rollback_agent_proposals{%s}' % place, '0+0x100'],
  killed: ['rollback_agent_kill_switch{%s}' % place, '0+0x100'],
  stopped: ['rollback_agent_cutover_stopped{%s}' % place, '0+0x100'],
  remote: ['rollback_agent_degraded{%s,cause="git_remote"}' % place, '0+0x100'],
  database: ['rollback_agent_degraded{%s,cause="database"}' % place, '0+0x100'],
  kill_file: ['rollback_agent_degraded{%s,cause="kill_switch_file"}' % place, '1+0x100'],
  unsaid: ['rollback_agent_pages_undelivered{%s}' % job, '0+0x100'],
  lost: ['rollback_agent_messages_lost_total{%s}' % place, '0+0x100'],
};

local other(text) = std.strReplace(text, 'agent-1', 'agent-2');

// From the 20th minute on, another value, or none: `sound` says 0 before where it says nothing else.
local then_(before, after) = '%s+0x19 %s' % [before, after];

// of is a case: what differs (null: the series is not there), the minute at which it is looked at, and which alerts fire then, once each.
local of(what, differs, minute, fire=[]) = [{
  name: what,
  interval: '1m',
  input_series: [
    { series: s[0], values: s[1] }
    for s in std.filter(function(s) s != null, std.objectValues(sound + differs))
  ],
  promql_expr_test: [{
    expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
    eval_time: '%dm' % minute,
    exp_samples: [{ labels: '{alertname="RollbackAgent%s"}' % name, value: 1 } for name in fire],
  }],
}];

// first is a case and the minute at which its alert fires for the first time: not one minute before.
local first(what, differs, minute, name) = of(what, differs, minute, [name]) + of(what + ', a minute before', differs, minute - 1);

local put(name, values) = { [name]: [sound[name][0], values] };
local locked(values) = { locked: ['rollback_agent_locked_timestamp_seconds{%s}' % place, values] };
local oldest(values) = { oldest: ['rollback_agent_outbox_oldest_timestamp_seconds{%s}' % place, values] };
local twin(name, values) = { [name + '2']: [other(sound[name][0]), values] };

{
  rule_files: ['prometheus_alerts.yaml'],
  evaluation_interval: '1m',
  tests: std.flattenArrays([
    of('a sound agent', {}, 60),

    first('no agent is up', put('up', then_(1, '0+0x100')), 22, 'Down'),
    of('all are down for long', put('up', then_(1, '0+0x100')), 40, ['Down']),
    of('nothing is scraped', { up: null }, 30, ['Down']),
    first('one of two is down', twin('up', then_(1, '0+0x100')), 30, 'ReplicaDown'),
    first('it starts again and again', put('start', then_(0, '1200+60x100')), 22, 'Restarts'),
    first('it is not ready', put('ready', then_(1, '0+0x100')), 21, 'NotReady'),
    first('none of two acts', put('acting', then_(1, '0+0x100')) + twin('acting', '0+0x100'), 21, 'NobodyActs'),
    of('the other acts', put('acting', then_(1, '0+0x100')) + twin('acting', then_(0, '1+0x100')), 30),
    first('its file cannot be read', put('config', then_(1, '0+0x100')), 25, 'ConfigStale'),
    first('appends are slow', put('fast', '0+58x100'), 11, 'LedgerSlow'),
    of('one append in a hundred is slow', put('fast', '0+59.5x100'), 60),

    first('the Watchdog does not arrive', put('watchdog', then_(30, '300+0x1 301+60x100')), 23, 'WatchdogLate'),
    of('the Watchdog is not heard by an agent that has just started', put('watchdog', '900+0x100') + twin('watchdog', '10+0x100'), 30),
    first('it cannot ask', put('polled', '0+60x19 1140+0x100'), 26, 'PollStale'),
    first('it could not ask since it started', put('polled', '0+0x100'), 7, 'PollStale'),
    first('it cannot ask about an alert that outlasts its release', put('polled', '0+60x19 1140+0x100') + put('t0', '-90000+0x100'), 26, 'PollStale'),
    of('it asks no more about an old release', put('polled', '0+60x19 stale'), 27),
    first('deliveries are not stored', put('unstored', then_(0, '1+1x100')), 23, 'DeliveriesNotStored'),
    of('a delivery was not stored, and the next ones were', put('unstored', then_(0, '1+0x100')), 24),
    first('deliveries cannot be read', put('unread', then_(0, '1+0x100')), 20, 'DeliveriesUnreadable'),
    first('a wrong token', put('untrusted', then_(0, '1+0x100')), 20, 'TokensRefused'),
    first('firings were not delivered', put('missed', then_(0, '1+0x100')) + twin('missed', then_(0, '1+0x100')), 20, 'DeliveriesMissed'),
    first('a stolen token delivers what is not true', put('untrue', then_(0, '1+0x100')), 20, 'NotCorroborated'),
    of('that was long ago', put('untrue', then_(0, '1+0x100')), 55),
    first('other rules are loaded', put('rules', '_x100') + { others: ['promrulegen_rules_info{service="checkout",environment="production",sha256="0000",version="1"}', '1+0x100'] }, 10, 'RulesAreOthers'),
    of('no rules are known here', { rules: null }, 30),

    first('an incident waits', put('human', then_(0, '1+0x100')), 35, 'IncidentWaits'),
    of('somebody came at once', put('human', '0+0x19 1+0x9 0+0x100'), 36),
    first('a proposal waits', put('proposals', then_(0, '2+0x100')), 35, 'ProposalWaits'),
    first('a lock stands for a day', locked('-85260+0x100'), 20, 'LockForgotten'),
    first('the kill switch is left on', put('killed', then_(0, '1+0x100')), 80, 'BrakeForgotten'),
    first('a cutover stands still', put('stopped', then_(0, '1+0x100')), 35, 'CutoverStands'),

    first('the git remote is of no use', put('remote', then_(0, '1+0x100')), 22, 'RemoteUnusable'),
    first('pages do not arrive', put('unsaid', then_(0, '3+0x100')), 22, 'PagesNotDelivered'),
    first('messages do not arrive', oldest('_x20 1200+0x100'), 33, 'MessagesWait'),
    first('messages are given up', put('lost', then_(0, '1+0x100')), 20, 'MessagesLost'),
    first('the database has gone back', put('database', then_(0, '1+0x100')), 30, 'WorksLess'),
  ]),
}
