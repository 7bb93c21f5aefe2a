package generator

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// Draft writes the first bindings of a runbook: what its numbers tell of each row, and runbook.Placeholder wherever only a person
// knows. A placeholder is refused by Resolve, so that a draft never compiles by chance. The path is where the draft will be kept. The
// diagnostics are of the runbook; without a row there is no draft.
func Draft(document, path string) ([]byte, diag.List, error) {
	content, err := os.ReadFile(document)
	if err != nil {
		return nil, nil, fmt.Errorf("read the runbook: %w", err)
	}
	doc, problems := runbook.Parse(document, content)
	if len(doc.Rows) == 0 {
		return nil, problems, problems.Err()
	}
	d := &draft{doc: doc, ids: map[string]string{}, served: map[string]bool{}}
	d.header(fromFolderOf(path, document))
	d.rows()
	d.triggers()
	d.rest()
	return []byte(d.out.String()), problems, nil
}

// fromFolderOf is the document as a file at path names it.
func fromFolderOf(path, document string) string {
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return document
	}
	full, err := filepath.Abs(document)
	if err != nil {
		return document
	}
	if relative, err := filepath.Rel(folder, full); err == nil {
		return filepath.ToSlash(relative)
	}
	return full
}

// draft is a file being written.
type draft struct {
	doc    runbook.Document
	out    strings.Builder
	ids    map[string]string // of rows, by their names
	served map[string]bool   // ids that a trigger has already
}

// line writes one, with a remark behind it.
func (d *draft) line(indent int, text, remark string) {
	text = strings.Repeat("  ", indent) + text
	if remark != "" {
		text = fmt.Sprintf("%-60s # %s", text, oneLine(remark))
	}
	d.out.WriteString(strings.TrimRight(text, " ") + "\n")
}

// oneLine keeps a document's text inside a comment.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

// quoted is a text as YAML reads it back, whatever is in it: JSON is YAML.
func quoted(text string) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return `""` // a string always encodes
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func (d *draft) header(document string) {
	d.out.WriteString("# yaml-language-server: $schema=https://raw.githubusercontent.com/coclai/cutover/main/rules/promrulegen.schema.json\n" +
		"# Drafted by `promrulegen init`. Fill in every placeholder, then run `promrulegen generate`; what is left is refused, with its place.\n")
	d.line(0, "version: 1", "")
	d.line(0, "service: "+runbook.Placeholder, "a label of every rule: a-z, 0-9 and hyphens")
	d.line(0, "environment: production", "")
	d.line(0, "runbook: "+quoted(document), "")
	d.line(0, "prometheus: {scrape_interval: 15s, evaluation_interval: 30s}", "what your prometheus.yml says")
}

// rest is what is the same for every runbook, but for the owners.
func (d *draft) rest() {
	d.line(0, "", "")
	d.gates()
	d.line(0, "cutover:", "")
	d.line(1, "time_zone: UTC", "of the day in the stable tag's name")
	d.line(1, "gates_expire: 4h", "")
	d.line(0, "alertmanager:", "")
	d.line(1, "# base: alertmanager.yaml", "your own file, to which the routes are added")
	d.line(1, "agent: {url: 'http://127.0.0.1:9798/api/v1/alerts', credentials_file: /etc/alertmanager/rollback-agent.token}", "")
	d.line(0, "owners:", "an address, or {receiver: NAME} of alertmanager.base")
	var known []string
	for _, row := range d.doc.Rows {
		if name := row.Owner.Text; name != "" && !slices.Contains(known, name) {
			known = append(known, name)
			d.line(1, quoted(name)+": {webhook: "+runbook.Placeholder+"}", "")
		}
	}
}

// gates declares what no command can tell, and shows how to say more of the others.
func (d *draft) gates() {
	manual := slices.DeleteFunc(slices.Clone(d.doc.Preconditions), func(i runbook.Item) bool { return len(i.Code) == 1 })
	key := "gates:"
	if len(manual) == 0 {
		key = "# gates:"
	}
	d.line(0, key, "what the list of preconditions cannot say:")
	d.line(0, `#   "1.1": {hard: true, every: 30m}`, "run again while the release is observed")
	for _, item := range manual {
		d.line(1, fmt.Sprintf("%q: {manual: true, owner: %s}", item.Number, unknown), item.Text.Text)
	}
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// id is a new id for a row: its name's words, or its number where they are in other letters.
func (d *draft) id(row runbook.Row) string {
	base := strings.Trim(notInID.ReplaceAllString(strings.ToLower(row.Name.Text), "-"), "-")
	foreign := strings.ContainsFunc(row.Name.Text, func(r rune) bool { return unicode.IsLetter(r) && r > unicode.MaxLatin1 })
	if !idPattern.MatchString(base) || foreign {
		base = "row-" + strings.ReplaceAll(row.Number, ".", "-")
	}
	id := base
	for n := 2; slices.ContainsFunc(d.doc.Rows, func(r runbook.Row) bool { return d.ids[r.Name.Text] == id }); n++ {
		id = fmt.Sprintf("%s-%d", base, n)
	}
	d.ids[row.Name.Text] = id
	return id
}

// components is the remark on the key of that name.
func (d *draft) components() string {
	if known := componentsOf(d.doc); len(known) > 0 {
		return "one of " + strings.Join(known, ", ")
	}
	return "by which incidents are classified"
}

// bounds are the row's target and alert as far as they can be read.
func bounds(row runbook.Row) (target, alert slo.Condition) {
	about := subjectOf(row, phrases{})
	_, target, _ = about.read(row.Target, objective)
	_, alert, _ = about.read(row.Alert, alarm)
	return target, alert
}
