package web

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWhatCanBeReadInTwoWaysIsNotRead(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	labels := `{"alerts":[{"labels":{"A":"1","a":"2","":"3"},"annotations":{"a":"1"}},{"labels":{"a":"1"}}]}`
	many := func(extra string) string {
		var b strings.Builder
		for i := range 1000 {
			b.WriteString(`"k` + strings.Repeat("x", i) + `":0,`)
		}
		return "{" + b.String() + extra + ":0}"
	}
	for text, says := range map[string]string{
		`{}`: "", `null`: "", `"\""`: "", `{"a":{"a":{"a":1}}}`: "", `[{"a":1},{"a":1}]`: "", labels: "", nested(32): "", many(`"y"`): "",
		`{"a":"{\"a\":1,\"a\":2}"}`: "", ` { "a" : 1 , "b" : "a" } `: "", `{"a":["a","a"]}`: "", `["a:","a:"]`: "",
		`{"a":1,"a":2}`:                         `"a" is there twice`,
		`{"a":1,"\u0061":2}`:                    "is there twice",
		`{"a\\":1,"a\u005c":2}`:                 "is there twice",
		`{"alerts":[],"ALERTS":[]}`:             "is there twice",
		`{"alerts":[],"alert\u017f":[]}`:        "is there twice",
		`{"alerts":[{"status":1,"Status":2}]}`:  "is there twice",
		`{"alerts":[{"labels":{"a":1,"a":1}}]}`: "is there twice",
		many(`"kxxx"`):                          "is there twice",
		nested(33):                              "nests deeper than 32",
		strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33): "nests deeper than 32",
		nested(100_000): "nests deeper than 32", `{"a":1,}`: "", ``: "", `"a`: "", `"\`: "", `}`: "", `"a":1,"a":2`: "", // no JSON: for who reads it to say
	} {
		err := Unambiguous([]byte(text))
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%.80s: %v, want %q", text, err, says)
		}
	}
}

// FuzzUnambiguous: it never panics, and what it admits is read by encoding/json to a value that has as many keys as the text.
func FuzzUnambiguous(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":{"a":[]}}`, `{"a":1,"\u0061":2}`, `[{"":""}]`, `{"a":"\\\"","b":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := Unambiguous(text); err != nil || !json.Valid(text) {
			return
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatalf("%q is admitted: %v", text, err)
		}
		if got, want := keysIn(value), colonsIn(text); got != want {
			t.Errorf("%q has %d keys, %d are read", text, want, got)
		}
	})
}

func keysIn(value any) int {
	n := 0
	switch v := value.(type) {
	case map[string]any:
		for _, below := range v {
			n += 1 + keysIn(below)
		}
	case []any:
		for _, below := range v {
			n += keysIn(below)
		}
	}
	return n
}

// colonsIn counts those outside strings.
func colonsIn(text []byte) int {
	inside, escaped, n := false, false, 0
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case inside && c == '\\':
			escaped = true
		case c == '"':
			inside = !inside
		case c == ':' && !inside:
			n++
		}
	}
	return n
}

func BenchmarkUnambiguous(b *testing.B) {
	alert := `{"status":"firing","labels":{"alertname":"CheckoutApiErrorRate","service":"checkout","environment":"production","slo":"api-error-rate","trigger":"4.1.1",` +
		`"severity":"page","rollback":"auto","instance":"10.0.0.1:8080","component":"runtime"},"annotations":{"summary":"` + strings.Repeat("too many errors ", 10) + `"},` +
		`"startsAt":"2026-03-01T02:11:30Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://127.0.0.1:9090/graph","fingerprint":"4f6a9e0c2b7d1835"}`
	text := []byte(`{"version":"4","alerts":[` + strings.Repeat(alert+",", 9_999) + alert + `]}`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if err := Unambiguous(text); err != nil {
			b.Fatal(err)
		}
	}
}
