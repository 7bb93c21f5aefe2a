package gittest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
)

// The services a fault can be put on: reads, and pushes.
const (
	Read = "git-upload-pack"
	Push = "git-receive-pack"
)

// Fault answers a request in git's place; git is there for it to call.
type Fault func(w http.ResponseWriter, r *http.Request, git http.Handler)

// Break puts the fault on every request of the service from now on; nil mends it.
func (s *Server) Break(service string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail[service] = f
}

// DropAnswer lets git do its work and then cuts the connection.
func DropAnswer(_ http.ResponseWriter, r *http.Request, git http.Handler) {
	git.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// HalfAnswer lets git do its work, sends half of its answer and cuts the
// connection.
func HalfAnswer(w http.ResponseWriter, r *http.Request, git http.Handler) {
	rec := httptest.NewRecorder()
	git.ServeHTTP(rec, r)
	b := rec.Body.Bytes()
	w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(rec.Code)
	_, _ = w.Write(b[:len(b)/2])
	panic(http.ErrAbortHandler)
}

// EmptyOK answers 200 with git's content type and nothing in it, and does nothing.
func EmptyOK(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/x-"+serviceOf(r)+"-result")
}

// LoginPage answers 200 with a page, and does nothing.
func LoginPage(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<html>please log in</html>")
}

// Hang reads the request and never answers.
func Hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Status answers with that code, and does nothing.
func Status(code int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Retry-After", "7")
		http.Error(w, "no", code)
	}
}

// OldGit answers as a server does that knows no protocol version 2, or whose web
// server keeps the header that asks for it to itself.
func OldGit(w http.ResponseWriter, r *http.Request, git http.Handler) {
	r.Header.Del("Git-Protocol")
	git.ServeHTTP(w, r)
}

// Redirect sends the request elsewhere.
func Redirect(to string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	}
}

// Before runs f, then lets git answer: the place for a racing push.
func Before(f func()) Fault {
	return func(w http.ResponseWriter, r *http.Request, git http.Handler) {
		f()
		git.ServeHTTP(w, r)
	}
}

// After lets git answer, then runs f before the answer is seen.
func After(f func()) Fault {
	return func(w http.ResponseWriter, r *http.Request, git http.Handler) {
		rec := httptest.NewRecorder()
		git.ServeHTTP(rec, r)
		f()
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	}
}
