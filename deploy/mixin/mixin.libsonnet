// The monitoring mixin of rollback-agent: alerts about the agent itself, and a dashboard. What it renders to stands beside it:
// prometheus_alerts.yaml and dashboards_out/. `make golden` renders it anew. Change _config with +:: in a file of your own, as usual:
//   (import 'mixin.libsonnet') + { _config+:: { selector: 'job="cutover"' } }
(import 'config.libsonnet') +
(import 'alerts/alerts.libsonnet') +
(import 'dashboards/dashboards.libsonnet')
