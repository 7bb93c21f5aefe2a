package prom_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/coclai/cutover/generator/prom"
)

// The library is the measure of what is written without it.
func TestScalarsAreThoseOfTheLibrary(t *testing.T) {
	texts := []string{""}
	for _, text := range odd {
		if !strings.ContainsAny(text, "\n\u2028") { // the library writes those by their indentation
			texts = append(texts, text)
		}
	}
	alphabet := []rune("aZyntfoé가🙂 0159.:-_#'\"{}[],&*!|>%@`?~<=+/\\()\t\u00a0\ufeff")
	for range 20_000 {
		var b strings.Builder
		for range rand.IntN(9) {
			b.WriteRune(alphabet[rand.IntN(len(alphabet))])
		}
		texts = append(texts, b.String())
	}
	for _, text := range texts {
		want, err := yaml.Dump(text, yaml.WithV3Defaults(), yaml.WithLineWidth(-1))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(prom.AppendScalar(nil, text)) + "\n"; got != string(want) {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestScalarsReadBack(t *testing.T) {
	for _, text := range []string{"two\nlines", "\n", "tab\tand\nline", "\x01\n", "a\r\nb", "a\u2028b", "\u0085", "  indented\n    lines\n"} {
		var got string
		if err := yaml.Load(prom.AppendScalar(nil, text), &got); err != nil || got != text {
			t.Errorf("%q: read back as %q, %v", text, got, err)
		}
	}
}
