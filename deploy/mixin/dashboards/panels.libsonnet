// The parts of a dashboard as Grafana's JSON model has them; no library is vendored for the few kinds that are needed.
{
  local source = { type: 'prometheus', uid: '${datasource}' },
  local target(i, q) = { refId: std.char(65 + i), datasource: source, expr: q[0], legendFormat: q[1], range: true },
  local instant(i, q) = target(i, q) + { range: false, instant: true },

  local panel(type, title, description, queries, unit, make) = {
    type: type,
    title: title,
    description: description,
    datasource: source,
    targets: std.mapWithIndex(make, queries),
    fieldConfig: { defaults: { unit: unit }, overrides: [] },
    options: {},
  },

  // stat is the last value of a query, large. Colours are by thresholds: steps of [value, colour], the first from below.
  stat(title, description, expr, unit='short', steps=[[null, 'text']], words={}):: panel('stat', title, description, [[expr, '']], unit, instant) + {
    fieldConfig+: { defaults+: {
      noValue: 'no data',
      thresholds: { mode: 'absolute', steps: [{ value: s[0], color: s[1] } for s in steps] },
      mappings: if words == {} then [] else [{ type: 'value', options: { [w]: { text: words[w] } for w in std.objectFields(words) } }],
    } },
    options: { reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false }, orientation: 'auto', textMode: 'value', colorMode: 'value', graphMode: 'none', justifyMode: 'auto' },
    gridPos: { w: 4, h: 4 },
  },

  // graph is queries over time, each with its legend.
  graph(title, description, queries, unit='short'):: panel('timeseries', title, description, queries, unit, target) + {
    fieldConfig+: { defaults+: { min: 0, custom: { drawStyle: 'line', fillOpacity: 0, spanNulls: false } } },
    options: { legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] }, tooltip: { mode: 'multi', sort: 'desc' } },
    gridPos: { w: 12, h: 8 },
  },

  row(title):: { type: 'row', title: title, collapsed: false, panels: [], gridPos: { w: 24, h: 1 } },

  // placed gives panels their ids and their places, from left to right and from top to bottom.
  placed(panels)::
    local put(state, p) =
      local wraps = state.x + p.gridPos.w > 24 || p.type == 'row';
      local x = if wraps then 0 else state.x, y = if wraps then state.bottom else state.y;
      {
        x: x + p.gridPos.w,
        y: y,
        bottom: std.max(if wraps then 0 else state.bottom, y + p.gridPos.h),
        done: state.done + [p { id: std.length(state.done) + 1, gridPos+: { x: x, y: y } }],
      };
    std.foldl(put, panels, { x: 0, y: 0, bottom: 0, done: [] }).done,

  // variable is a choice of the reader's, among the values of a label.
  variable(name, label, query):: {
    type: 'query',
    name: name,
    label: label,
    datasource: source,
    query: query,
    definition: query,
    refresh: 2,
    sort: 1,
    multi: false,
    includeAll: true,
    allValue: '.*',
    hide: 0,
    skipUrlSync: false,
    options: [],
    current: { selected: true, text: 'All', value: '$__all' },
  },

  datasource:: {
    type: 'datasource',
    name: 'datasource',
    label: 'Prometheus',
    query: 'prometheus',
    regex: '',
    refresh: 1,
    multi: false,
    includeAll: false,
    hide: 0,
    skipUrlSync: false,
    options: [],
    current: { selected: false, text: 'default', value: 'default' },
  },
}
