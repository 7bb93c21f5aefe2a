package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options is what New needs.
type Options struct {
	Agent    Agent
	Tokens   func() []Token // asked at every request, so that a reload takes effect
	Registry *prometheus.Registry
	Reload   func() error  // reads the agent's file again; the error says what is wrong with it
	Config   func() []byte // the file in force, secrets masked
	Version  string
	OpenPage bool            // the status page needs no token
	Ending   <-chan struct{} // closed when the server is told to end: what takes long is ended early; nil: never
	Logger   *slog.Logger
}

type server struct {
	Options
	webhooks *prometheus.CounterVec
	took     prometheus.Histogram
	refused  atomic.Int64 // webhooks, for their token
	sessions sessions
}

// route is one path. What is not in methods is 405, before anybody asks for a token.
type route struct {
	path    string
	methods []string
	door    door
	handle  func(echo.Context, Token) error
}

// New serves the routes below; what they take and answer is said at their handlers.
func New(options Options) http.Handler {
	s := &server{Options: options, webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rollback_agent_webhook_requests_total", Help: "Webhook requests by the status of the answer.",
	}, []string{"code"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rollback_agent_webhook_request_duration_seconds", Help: "How long webhook requests take, from their headers to the answer.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}})}
	s.Registry.MustRegister(s.webhooks, s.took)
	for _, code := range []int{http.StatusOK, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		s.webhooks.WithLabelValues(strconv.Itoa(code)) // increase() does not see a series appear
	}
	e := echo.New()
	e.HTTPErrorHandler = s.answer
	e.IPExtractor = echo.ExtractIPDirect() // without it, echo believes X-Forwarded-For
	routes := s.routes()
	e.Pre(s.observe, s.recover, guard(routes))
	for _, r := range routes {
		e.Match(r.methods, r.path, admit(r))
	}
	return e
}

func (s *server) routes() []route {
	get, post := []string{http.MethodGet, http.MethodHead}, []string{http.MethodPost}
	metrics := echo.WrapHandler(promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{Registry: s.Registry}))
	return []route{
		{"/api/v1/alerts", post, s.scope("alerts"), s.alerts},
		{"/api/v1/deeds", post, s.known, s.deeds},
		{"/api/v1/gate", get, s.scope("gate"), s.gate},
		{"/api/v1/state", get, s.scope("read"), s.state},
		{"/api/v1/history", get, s.scope("read"), s.history},
		{"/api/v1/explain", get, s.scope("read"), s.explain},
		{"/api/v1/doctor", post, s.scope("operate"), s.doctor},
		{"/api/v1/preflight", get, s.scope("read"), s.preflight},
		{"/preflight/:id", get, s.reader, s.rehearsal},
		{"/api/v1/report", get, s.scope("read"), s.report},
		{"/reports/:cutover/:item", get, s.reader, s.reportPage},
		{"/", get, s.reader, s.page},
		{"/explain", get, s.reader, s.explainPage},
		{"/plot", get, s.reader, s.plot},
		{"/sign-in", get, open, s.signInForm},
		{"/session", post, s.own, s.signIn},
		{"/sign-out", post, s.own, s.signOut},
		{"/deed", post, s.person, s.button},
		{"/style.css", get, open, s.style},
		{"/-/healthy", get, open, s.healthy},
		{"/-/ready", get, open, s.ready},
		{"/-/reload", []string{http.MethodPost, http.MethodPut}, s.scope("operate"), s.reload},
		{"/config", get, s.scope("read"), s.config},
		{"/metrics", get, open, func(c echo.Context, _ Token) error { return metrics(c) }},
	}
}

// admit lets a request through the route's door.
func admit(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-store")
		c.Response().Header().Set("X-Content-Type-Options", "nosniff")
		token, err := r.door(c.Request())
		if err != nil {
			return err
		}
		return r.handle(c, token)
	}
}

// guard answers 405 by our own list: echo would answer OPTIONS itself, and knows no methods but its own.
func guard(routes []route) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			method := c.Request().Method
			at := slices.IndexFunc(routes, func(r route) bool { return r.covers(c.Request().URL.Path) })
			switch {
			case at < 0 && method == http.MethodOptions:
				return refuse(http.StatusNotFound, http.StatusText(http.StatusNotFound), "")
			case at < 0 || slices.Contains(routes[at].methods, method):
				return next(c)
			}
			list := strings.Join(routes[at].methods, ", ")
			return refuse(http.StatusMethodNotAllowed, method+" is not possible here", "use "+list).with(echo.HeaderAllow, list)
		}
	}
}

// covers says whether a path is the route's: part by part, a parameter stands for any.
func (r route) covers(path string) bool {
	parts := strings.Split(path, "/")
	for n, part := range strings.Split(r.path, "/") {
		if n >= len(parts) || part != parts[n] && !strings.HasPrefix(part, ":") {
			return false
		}
	}
	return len(parts) == strings.Count(r.path, "/")+1
}

// observe logs and counts. The error is answered here, so that the status is known.
func (s *server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		started, r := time.Now(), c.Request()
		if err := next(c); err != nil {
			s.answer(err, c)
		}
		if r.URL.Path == "/api/v1/alerts" {
			status := c.Response().Status
			s.webhooks.WithLabelValues(strconv.Itoa(status)).Inc()
			s.took.Observe(time.Since(started).Seconds())
			if status == http.StatusUnauthorized || status == http.StatusForbidden {
				s.refused.Add(1)
			}
		}
		s.Logger.Debug("request", "method", r.Method, "path", r.URL.Path, "status", c.Response().Status,
			"peer", c.RealIP(), "took", time.Since(started))
		return nil
	}
}

// recover turns a panic into a 500, so that Alertmanager sends again.
func (s *server) recover(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if p := recover(); p != nil {
				s.Logger.Error("panic", "path", c.Request().URL.Path, "panic", p, "stack", string(debug.Stack()))
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		return next(c)
	}
}
