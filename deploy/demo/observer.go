package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// observer asks Prometheus and Alertmanager what they see, apart from the agent.
type observer struct {
	prometheus, alertmanager address
}

// value is an instant query's only sample; it says false when there is none.
func (o observer) value(ctx context.Context, query string) (value float64, found bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.prometheus.url()+"/api/v1/query?query="+url.QueryEscape(query), nil)
	if err != nil {
		return 0, false, err
	}
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := askJSON(request, &answer); err != nil {
		return 0, false, err
	}
	if len(answer.Data.Result) != 1 {
		return 0, false, nil
	}
	text, _ := answer.Data.Result[0].Value[1].(string)
	value, err = strconv.ParseFloat(text, 64)
	return value, err == nil, err
}

// holds waits until a query's only sample satisfies a condition.
func (o observer) holds(ctx context.Context, query string, condition func(float64) bool) (last float64, err error) {
	err = until(ctx, "the value of "+query, func() (bool, error) {
		value, found, err := o.value(ctx, query)
		last = value
		return found && condition(value), err
	})
	return last, err
}

// alert is one as Alertmanager shows it.
type alert struct {
	StartsAt time.Time         `json:"startsAt"`
	Labels   map[string]string `json:"labels"`
	Status   struct {
		State string `json:"state"`
	} `json:"status"`
}

// firing waits until Alertmanager holds an active alert of that name.
func (o observer) firing(ctx context.Context, name string) (found alert, err error) {
	filter := url.Values{"filter": {"alertname=" + strconv.Quote(name)}, "active": {"true"}}
	err = until(ctx, "the alert "+name+" in Alertmanager", func() (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.alertmanager.url()+"/api/v2/alerts?"+filter.Encode(), nil)
		if err != nil {
			return false, err
		}
		var all []alert
		if err := askJSON(request, &all); err != nil || len(all) == 0 {
			return false, err
		}
		found = all[0]
		return true, nil
	})
	return found, err
}

// ready waits until a program answers 200 on its readiness path.
func ready(ctx context.Context, at address) error {
	return until(ctx, string(at)+" to be ready", func() (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.url()+"/-/ready", nil)
		if err != nil {
			return false, err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, err
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK, fmt.Errorf("it answers %s", answer.Status)
	})
}

// page is what a URL shows.
func (o observer) page(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %.200s", url, answer.Status, body)
	}
	return string(body), err
}

func askJSON(request *http.Request, into any) error {
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", request.URL.Path, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// until asks five times a second whether something has happened. When it has not by the end of ctx, the error says what was waited for
// and what the last answer was; an error of ask is no end, only an answer: programs that start refuse connections.
func until(ctx context.Context, what string, ask func() (bool, error)) error {
	for {
		yes, err := ask()
		if yes {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited for %s: %w (last: %v)", what, context.Cause(ctx), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
