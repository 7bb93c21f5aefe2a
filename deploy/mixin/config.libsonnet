{
  _config+:: {
    // The agent's series, as your Prometheus scrapes them.
    selector: 'job="rollback-agent"',

    // Where an alert's name in lower case is an anchor.
    runbookURL: 'https://github.com/coclai/cutover/blob/main/deploy/OPERATE.md#',

    // As `notify.locked_after` in the agent's file.
    lockedAfterSeconds: 24 * 60 * 60,

    // A message that waits longer for the webhook, or a Watchdog that is not heard for longer, is said.
    messageSeconds: 10 * 60,
    watchdogSeconds: 5 * 60,

    // Appends that take longer at the 99th percentile delay every webhook.
    appendSeconds: 1,

    dashboard: { title: 'rollback-agent', uid: 'rollback-agent', tags: ['rollback-agent'], refresh: '30s' },
  },
}
