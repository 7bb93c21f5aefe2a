// One dashboard: how the agent does, in the order in which an alert travels through it.
local p = import 'panels.libsonnet';

{
  local c = $._config,
  local of(name, matchers='') =
    'rollback_agent_%s{%s}' % [name, std.join(',', std.filter(function(m) m != '', [c.selector, 'service=~"$service"', 'environment=~"$environment"', matchers]))],
  local whole(name, matchers='') = 'rollback_agent_%s{%s}' % [name, std.join(',', std.filter(function(m) m != '', [c.selector, matchers]))],
  local each(name, matchers='') = 'max by (service, environment) (%s)' % of(name, matchers),
  local where = '{{service}}/{{environment}}',
  local bad(from) = [[null, 'green'], [from, 'red']],
  local quantile(q, name) = 'histogram_quantile(%s, sum by (le) (rate(%s[$__rate_interval])))' % [q, whole(name + '_bucket')],

  grafanaDashboards+:: {
    'rollback-agent.json': {
      title: c.dashboard.title,
      uid: c.dashboard.uid,
      tags: c.dashboard.tags,
      description: 'Rendered from deploy/mixin; a change made here is lost.',
      editable: false,
      graphTooltip: 1,
      schemaVersion: 41,
      refresh: c.dashboard.refresh,
      time: { from: 'now-6h', to: 'now' },
      timezone: 'browser',
      annotations: { list: [] },
      templating: { list: [
        p.datasource,
        p.variable('service', 'Service', 'label_values(rollback_agent_locked{%s}, service)' % c.selector),
        p.variable('environment', 'Environment', 'label_values(rollback_agent_locked{%s,service=~"$service"}, environment)' % c.selector),
      ] },
      panels: p.placed([
        p.row('Now'),
        p.stat('Up', 'Agents that could be scraped.', 'count(up{%s} == 1)' % c.selector, steps=[[null, 'red'], [1, 'green']]),
        p.stat('Ready', 'Agents that store what they are told.', 'sum(%s)' % whole('ready'), steps=[[null, 'red'], [1, 'green']]),
        p.stat('Acting', 'Agents that hold the lease: one, where several share a ledger.', 'sum(%s)' % whole('acting'), steps=[[null, 'red'], [1, 'green']]),
        p.stat('Locked', 'Environments whose redeployment is refused.', 'sum(%s)' % each('locked'), steps=bad(1)),
        p.stat('Waiting for a person', 'Incidents at which the agent stopped, and proposals.', 'sum(%s) + sum(%s)' % [each('incidents', 'phase="human"'), each('proposals')], steps=bad(1)),
        p.stat('Kill switches', 'Environments in which it acts on nothing.', 'sum(%s)' % each('kill_switch'), steps=bad(1)),
        p.graph('Works less well', 'By cause; nothing is drawn while all is well.', [['max by (service, environment, cause) (%s) > 0' % of('degraded'), where + ' {{cause}}']]),
        p.graph('Open incidents', 'By phase.', [['max by (service, environment, phase) (%s) > 0' % of('incidents'), where + ' {{phase}}']]),

        p.row('Hears'),
        p.graph('Webhooks', 'By the status of the answer.', [['sum by (code) (rate(%s[$__rate_interval]))' % whole('webhook_requests_total'), '{{code}}']], 'reqps'),
        p.graph('Answer to a webhook', 'From its headers to the answer, which comes when it is durable.',
                [[quantile('0.5', 'webhook_request_duration_seconds'), 'median'], [quantile('0.99', 'webhook_request_duration_seconds'), '99 %']], 's'),
        p.graph('Watchdog', 'Since when it was not heard.', [['min by (service, environment) (%s)' % of('watchdog_age_seconds'), where]], 's'),
        p.graph('Asked', 'Since when Alertmanager and Prometheus have not both answered what fires.', [['time() - %s' % each('poll_timestamp_seconds'), where]], 's'),
        p.graph('Not delivered', 'Firings found by asking.', [['max by (service, environment) (increase(%s[1h]))' % of('missed_deliveries_total'), where]]),
        p.graph('Deliveries', 'By what they were to the state.', [['sum by (source, disposition) (increase(%s[1h]))' % whole('deliveries_total'), '{{source}}: {{disposition}}']]),

        p.row('Decides'),
        p.graph('Decisions', 'By verdict and reason.', [['sum by (verdict, reason) (increase(%s[1h])) > 0' % of('decisions_total'), '{{verdict}}: {{reason}}']]),
        p.graph('Locked for', 'Since when redeployment is refused.', [['time() - %s' % each('locked_timestamp_seconds'), where]], 's'),

        p.row('Tells'),
        p.graph('Messages that wait', 'For the webhook of `notify`.', [[each('outbox_messages'), where]]),
        p.graph('The oldest of them', '', [['time() - min by (service, environment) (%s)' % of('outbox_oldest_timestamp_seconds'), where]], 's'),
        p.graph('Tries', 'To deliver a message, by what came of it.', [['sum by (outcome) (increase(%s[1h]))' % of('messages_total'), '{{outcome}}'], ['sum(max by (service, environment) (increase(%s[1h])))' % of('messages_lost_total'), 'given up']]),
        p.graph('Undelivered pages', 'That no Alertmanager took.', [['sum by (instance) (%s)' % whole('pages_undelivered'), '{{instance}}']]),

        p.row('Keeps'),
        p.graph('Appends to the ledger', 'Until they are durable.',
                [[quantile('0.5', 'ledger_append_duration_seconds'), 'median'], [quantile('0.99', 'ledger_append_duration_seconds'), '99 %']], 's'),
        p.graph('Entries', 'In the ledger.', [['max(%s)' % whole('ledger_entries'), 'entries']]),
        p.graph('Lease', 'Since when it was not renewed.', [['max(%s)' % whole('lease_age_seconds'), 'age']], 's'),
        p.graph('Memory', 'Resident.', [['process_resident_memory_bytes{%s}' % c.selector, '{{instance}}']], 'bytes'),
      ]),
    },
  },
}
