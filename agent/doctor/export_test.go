package doctor

import "context"

// Gates looks at the gates and at the plan's command.
func Gates(ctx context.Context, x *Examination) { x.gates(ctx) }

// Receivers are those that an Alertmanager's configuration gives an alert to, in order.
func Receivers(config string, labels map[string]string) ([]string, error) {
	routes, err := readRouting(config)
	if err != nil {
		return nil, err
	}
	return routes.receivers(labels), nil
}
