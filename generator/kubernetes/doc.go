// Package kubernetes puts compiled rules into the shapes that other rulers read: the Prometheus operator's PrometheusRule, a namespace
// of Mimir's, a rule file of Thanos's. The groups stay as they were compiled, rule for rule. It talks to no cluster and no ruler.
package kubernetes
