package web

import (
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// ownForm refuses every form but those of our own page, whatever cookie comes with it: browsers say with Sec-Fetch-Site (https and loopback)
// and Origin where a form was sent from. Who says neither is no browser, and uses the API. Other bodies than a form's are refused, too:
// none of our pages sends them.
func ownForm(r *http.Request) error {
	if !sameOrigin(r) {
		return refuse(http.StatusForbidden, "the form did not come from this page", "open the page itself, and do it there; programs use /api/v1/deeds")
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || kind != echo.MIMEApplicationForm {
		return refuse(http.StatusUnsupportedMediaType, "this takes a form of the page", "programs use /api/v1/deeds")
	}
	return nil
}

func sameOrigin(r *http.Request) bool {
	sites, origins := r.Header.Values("Sec-Fetch-Site"), r.Header.Values(echo.HeaderOrigin)
	if len(sites) > 0 { // no page can make it up, and no proxy that changes Host spoils it
		return len(sites) == 1 && sites[0] == "same-origin"
	}
	if len(origins) != 1 {
		return false
	}
	origin, err := url.Parse(origins[0])
	return err == nil && origin.Host != "" && strings.EqualFold(origin.Host, r.Host)
}

// overTLS says whether the browser speaks https, to us or to a proxy before us. A browser names its scheme in Origin, and who makes that up
// spoils only a cookie of his own.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(r.Header.Get(echo.HeaderOrigin), "https://")
}
