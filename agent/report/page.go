package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

	"github.com/coclai/cutover/generator/plot"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	pageStyle string

	page = template.Must(template.New("page").Funcs(template.FuncMap{"drawing": drawing, "words": words}).Parse(pageText))
)

// policy goes with the page wherever it is kept: it lets in the styles that this package wrote, and nothing that a label could bring.
var policy = fmt.Sprintf("default-src 'none'; style-src %s %s; base-uri 'none'; form-action 'none'", source(pageStyle), source(plot.Style))

// source names a style by its hash (CSP 3, 2.3.1).
func source(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// drawing is what package plot made; it has escaped what others wrote.
func drawing(svg string) template.HTML { return template.HTML(svg) }

// HTML is the document as one page: it loads nothing, runs nothing, and reads on a phone, in light and dark.
func (d Document) HTML() (string, error) {
	var b bytes.Buffer
	err := page.Execute(&b, struct {
		Document
		Style  template.CSS
		Policy string
	}{d, template.CSS(pageStyle), policy})
	if err != nil {
		return "", fmt.Errorf("write the page of %s: %w", d.Title, err)
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD"), nil
}
