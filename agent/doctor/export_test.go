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

// Deliverers are the tokens that Alertmanager may have.
func Deliverers(x *Examination) string { return x.deliverers() }

// Target looks at what there is to go back to.
func Target(ctx context.Context, x *Examination) { x.target(ctx) }

// Rehearse says what a real alert would come to.
func Rehearse(ctx context.Context, x *Examination) { x.rehearseDecisions(ctx) }
