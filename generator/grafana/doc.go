// Package grafana compiles a matrix into one Grafana dashboard: the release on top, then a row for each SLI with its value, its bounds
// and the events it rests on, and alerts and T0 marked in all of them. It reads what the rules record and the agent exports, so that it
// shows what the alerts saw. It talks to no Grafana and writes no file.
package grafana
