// Alerts about the agent. None of them has the name of a page that the agent sends by itself, and none may roll anything back. Series that
// come from the ledger are the same in every replica: `max by` takes one of them.
{
  local c = $._config,
  local place = 'service, environment',

  // series is one of the agent's, with more matchers.
  local series(name, matchers='') = 'rollback_agent_%s{%s}' % [name, std.join(',', std.filter(function(m) m != '', [c.selector, matchers]))],

  // of is the one value of an environment, whichever replica says it.
  local of(name, matchers='') = 'max by (%s) (%s)' % [place, series(name, matchers)],

  local alert(name, severity, wait, expr, summary, description) = {
    alert: 'RollbackAgent' + name,
    expr: expr,
    'for': wait,
    labels: { severity: severity, rollback: 'none' },
    annotations: {
      summary: summary,
      description: description,
      runbook_url: c.runbookURL + std.asciiLower('RollbackAgent' + name),
    },
  },

  local where = '{{ $labels.service }}/{{ $labels.environment }}',
  local days = std.max(1, std.floor(c.lockedAfterSeconds / 86400)),

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'rollback-agent',
        rules: [
          alert('Down', 'page', '2m', 'absent(up{%s} == 1)' % c.selector,
                'No rollback-agent is up', 'No rollback-agent could be scraped for 2 minutes: nothing is rolled back, and nobody is paged about what it sees.'),
          alert('ReplicaDown', 'ticket', '10m', 'up{%(s)s} == 0 and on () up{%(s)s} == 1' % { s: c.selector },
                'One of several rollback-agents is down', '{{ $labels.instance }} could not be scraped for 10 minutes; another one is up.'),
          alert('Restarts', 'ticket', '0m', 'changes(process_start_time_seconds{%s}[15m]) > 2' % c.selector,
                'rollback-agent starts again and again', '{{ $labels.instance }} started {{ $value }} times in 15 minutes.'),
          alert('NotReady', 'page', '1m', series('ready') + ' == 0',
                'rollback-agent cannot store what it is told', '{{ $labels.instance }} is not ready: what Alertmanager delivers is not stored, or nobody acts upon it. /-/ready says why.'),
          alert('NobodyActs', 'page', '1m', 'sum(%s) == 0' % series('acting'),
                'No rollback-agent acts', 'Agents are up and none of them holds the lease: nothing is rolled back.'),
          alert('ConfigStale', 'ticket', '5m', series('config_last_reload_successful') + ' == 0',
                'The file on disk is not the one in force', '{{ $labels.instance }} could not read its configuration anew, and goes on with the one before.'),
          alert('LedgerSlow', 'ticket', '10m', 'histogram_quantile(0.99, sum by (le, instance) (rate(%s[5m]))) > %s' % [series('ledger_append_duration_seconds_bucket'), c.appendSeconds],
                'Appends to the ledger are slow', 'One append in a hundred of {{ $labels.instance }} takes {{ $value | humanizeDuration }}: webhooks wait as long for their answer.'),
        ],
      },
      {
        name: 'rollback-agent-hears',
        rules: [
          alert('WatchdogLate', 'page', '1m', 'min by (%s) (%s) > %d' % [place, series('watchdog_age_seconds'), c.watchdogSeconds],
                'The Watchdog of %s does not arrive' % where, 'It was not heard for {{ $value | humanizeDuration }}: Prometheus or Alertmanager does not reach the agent, and no alert would.'),
          alert('PollStale', 'page', '1m', 'time() - %s > 300' % of('poll_timestamp_seconds'),
                'The agent cannot ask what fires in %s' % where, 'Alertmanager and Prometheus have not both answered for {{ $value | humanizeDuration }}, and a release or an alert is watched: nothing can be corroborated.'),
          alert('DeliveriesNotStored', 'page', '3m', 'sum(increase(%s[2m])) > 0' % series('webhook_requests_total', 'code=~"5.."'),
                'Deliveries of alerts are not stored', 'The agent has answered webhooks with 5xx for 3 minutes, {{ $value | humanize }} of them in the last two. Alertmanager sends them again.'),
          alert('DeliveriesUnreadable', 'ticket', '0m', 'sum(increase(%s[15m])) > 0' % series('webhook_requests_total', 'code=~"413|422"'),
                'Somebody delivers what cannot be read', 'The agent refused {{ $value | humanize }} webhooks in 15 minutes for their size or form; they are in the ledger as alerts.quarantined.'),
          alert('TokensRefused', 'ticket', '0m', 'sum(increase(%s[15m])) > 0' % series('webhook_requests_total', 'code=~"401|403"'),
                'Deliveries come with no good token', 'The agent refused {{ $value | humanize }} webhooks in 15 minutes for their token.'),
          alert('DeliveriesMissed', 'ticket', '0m', 'max by (%s) (increase(%s[30m])) > 0' % [place, series('missed_deliveries_total')],
                'Alerts of %s fired and were not delivered' % where, 'The agent found {{ $value | humanize }} firings by asking that nobody had delivered.'),
          alert('NotCorroborated', 'ticket', '0m', 'max by (%s) (increase(%s[30m])) > 0' % [place, series('decisions_total', 'reason="not_corroborated"')],
                'Alerts of %s were delivered that are not true' % where, 'The agent asked Prometheus about {{ $value | humanize }} deliveries in 30 minutes and was told otherwise. Nothing was rolled back for them. A stolen token looks like this.'),
          alert('RulesAreOthers', 'ticket', '10m',
                'max by (%(p)s, rules_sha256) (%(plan)s) and on (%(p)s) promrulegen_rules_info unless on (%(p)s, rules_sha256) label_replace(promrulegen_rules_info, "rules_sha256", "$1", "sha256", "(.*)")' % { p: place, plan: series('plan_info') },
                'Prometheus evaluates other rules than %s has its plan from' % where, 'The plan in force is of rules {{ $labels.rules_sha256 }}, and Prometheus has not loaded those.'),
        ],
      },
      {
        name: 'rollback-agent-waits',
        rules: [
          alert('IncidentWaits', 'page', '15m', of('incidents', 'phase="human"') + ' > 0',
                'An incident of %s waits for a person' % where, 'The agent stopped, and for 15 minutes nobody has gone on: rollback-agent status.'),
          alert('ProposalWaits', 'page', '15m', of('proposals') + ' > 0',
                'A rollback of %s is proposed and nobody answers' % where, '{{ $value }} proposals have waited for 15 minutes: rollback-agent approve, or cancel.'),
          alert('LockForgotten', 'ticket', '0m', 'time() - %s > %d' % [of('locked_timestamp_seconds'), c.lockedAfterSeconds],
                '%s is locked for more than %d day%s' % [where, days, if days == 1 then '' else 's'], 'Redeployment is refused for {{ $value | humanizeDuration }}: the cause of an incident is not known, or nobody has opened the lock.'),
          alert('BrakeForgotten', 'ticket', '1h', of('kill_switch') + ' == 1',
                'The kill switch of %s is on' % where, 'For an hour the agent has decided and recorded, and acted on nothing.'),
          alert('CutoverStands', 'ticket', '15m', of('cutover_stopped') + ' == 1',
                'A cutover of %s does not go on' % where, 'For 15 minutes; rollback-agent cutover status says why.'),
        ],
      },
      {
        name: 'rollback-agent-tells',
        rules: [
          alert('RemoteUnusable', 'page', '2m', of('degraded', 'cause="git_remote"') + ' == 1',
                'Nothing could be rolled back in %s' % where, 'The git remote does not answer, or does not let the agent push.'),
          alert('PagesNotDelivered', 'page', '2m', 'max by (instance) (%s) > 0' % series('pages_undelivered'),
                'The agent cannot page', 'No Alertmanager took {{ $value }} pages of {{ $labels.instance }}: people do not know what it knows.'),
          alert('MessagesWait', 'ticket', '2m', 'time() - %s > %d' % [of('outbox_oldest_timestamp_seconds'), c.messageSeconds],
                'Messages of %s do not arrive' % where, 'The oldest has waited for {{ $value | humanizeDuration }} for the webhook of `notify`.'),
          alert('MessagesLost', 'ticket', '0m', 'max by (%s) (increase(%s[1h])) > 0' % [place, series('messages_lost_total')],
                'Messages of %s were given up' % where, '{{ $value | humanize }} messages in an hour were refused, or waited for a day.'),
          alert('WorksLess', 'ticket', '10m', 'max by (%s, cause) (%s) == 1' % [place, series('degraded', 'cause!~"watchdog|git_remote|alertmanager|webhook|kill_switch_file"')],
                'Something of the agent of %s works less well: {{ $labels.cause }}' % where, 'For 10 minutes; rollback-agent status says what.'),
        ],
      },
    ],
  },
}
