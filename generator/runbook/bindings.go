package runbook

import (
	"strings"

	"github.com/coclai/cutover/generator/diag"
)

// Bindings is promrulegen.yaml: what the Markdown document cannot say. Every scalar is text that knows its place; what it means, and
// whether it fits the document, is settled when the two are resolved.
type Bindings struct {
	File  string   `yaml:"-"`
	lines []string // of the file, for diagnostics

	Version      diag.Text                `yaml:"version"`
	Service      diag.Text                `yaml:"service"`
	Environment  diag.Text                `yaml:"environment"`
	Runbook      diag.Text                `yaml:"runbook"`  // path of the document, from the folder of this file
	Headings     HeadingsBinding          `yaml:"headings"` // of a runbook in another language
	Headers      HeadersBinding           `yaml:"headers"`
	Prometheus   PrometheusBinding        `yaml:"prometheus"`
	SLIs         diag.Map[SLIBinding]     `yaml:"slis"`     // by the row's first cell
	Triggers     diag.Map[TriggerBinding] `yaml:"triggers"` // by the item's number
	Gates        diag.Map[GateBinding]    `yaml:"gates"`    // by the precondition's number, or a name of its own
	Cutover      CutoverBinding           `yaml:"cutover"`
	Alertmanager AlertmanagerBinding      `yaml:"alertmanager"`
	Owners       diag.Map[OwnerBinding]   `yaml:"owners"`  // by the name in the table's last column
	Outputs      []diag.Text              `yaml:"outputs"` // which of the usual files, if not all; and files for other rulers than Prometheus itself
	Names        diag.Text                `yaml:"names"`   // ours, sloth
}

// PrometheusBinding says how often Prometheus scrapes and evaluates.
type PrometheusBinding struct {
	ScrapeInterval     diag.Text `yaml:"scrape_interval"`
	EvaluationInterval diag.Text `yaml:"evaluation_interval"`
}

// SLIBinding measures a row of the table in exactly one way.
type SLIBinding struct {
	ID           diag.Text            `yaml:"id"`
	Component    diag.Text            `yaml:"component"`
	Ratio        *RatioBinding        `yaml:"ratio"`
	Latency      *LatencyBinding      `yaml:"latency"`
	Restarts     *RestartsBinding     `yaml:"restarts"`
	Count        *CountBinding        `yaml:"count"`
	State        *StateBinding        `yaml:"state"`
	Availability *AvailabilityBinding `yaml:"availability"`
	Expr         *ExprBinding         `yaml:"expr"`
	Window       diag.Text            `yaml:"window"` // for bounds whose cell names none
	Baseline     *BaselineBinding     `yaml:"baseline"`
	Budget       *BudgetBinding       `yaml:"budget"`
	By           []diag.Text          `yaml:"by"` // labels that tell groups apart
	MinEvents    diag.Text            `yaml:"min_events"`
	NoData       diag.Text            `yaml:"no_data"`
}

// RatioBinding is bad events, or good ones, over all events.
type RatioBinding struct {
	At    diag.Position `yaml:"-"`
	Bad   diag.Text     `yaml:"bad"`
	Good  diag.Text     `yaml:"good"`
	Total diag.Text     `yaml:"total"`
}

// LatencyBinding is a quantile of a histogram, by its base name.
type LatencyBinding struct {
	At        diag.Position `yaml:"-"`
	Quantile  diag.Text     `yaml:"quantile"`
	Histogram diag.Text     `yaml:"histogram"`
	Type      diag.Text     `yaml:"type"` // classic, native
}

// AvailabilityBinding is a gauge that is 1 while a target or probe is well, and 0 while it is not.
type AvailabilityBinding struct {
	At diag.Position `yaml:"-"`
	Up diag.Text     `yaml:"up"`
}

// ExprBinding is PromQL that yields the quantity itself.
type ExprBinding struct {
	At    diag.Position `yaml:"-"`
	Query diag.Text     `yaml:"query"`
	Unit  diag.Text     `yaml:"unit"` // ratio, percent, seconds, count, state
}

// RestartsBinding counts the starts of processes in a gauge of start times.
type RestartsBinding struct {
	At        diag.Position `yaml:"-"`
	StartedAt diag.Text     `yaml:"started_at"`
}

// CountBinding counts events from the first.
type CountBinding struct {
	At      diag.Position `yaml:"-"`
	Counter diag.Text     `yaml:"counter"`
}

// StateBinding is a gauge that must hold a value, perhaps pushed.
type StateBinding struct {
	At         diag.Position `yaml:"-"`
	Gauge      diag.Text     `yaml:"gauge"`
	PushedAt   diag.Text     `yaml:"pushed_at"`
	StaleAfter diag.Text     `yaml:"stale_after"`
}

// BaselineBinding is what a relative bound is compared with.
type BaselineBinding struct {
	At        diag.Position `yaml:"-"`
	From      diag.Text     `yaml:"from"`  // release, fixed, last_week
	Value     diag.Text     `yaml:"value"` // of a fixed one
	Over      diag.Text     `yaml:"over"`
	MinEvents diag.Text     `yaml:"min_events"`
	Floor     diag.Text     `yaml:"floor"`
}

// BudgetBinding is an error budget. Objective and period may stand in the row's target cell instead.
type BudgetBinding struct {
	At        diag.Position `yaml:"-"`
	Objective diag.Text     `yaml:"objective"` // as a cell would say it: 99.9%
	Period    diag.Text     `yaml:"period"`
	Windows   diag.Text     `yaml:"windows"` // recorded, raw
}

// TriggerBinding binds an item of the trigger list to a row, or to several things of which any suffices.
type TriggerBinding struct {
	SLO  diag.Text    `yaml:"slo"`
	Any  []AnyBinding `yaml:"any"`
	Mode diag.Text    `yaml:"mode"`
}

// AnyBinding is a row, by its id, or an SLI of the trigger's own, which may also be a gate's result.
type AnyBinding struct {
	At         diag.Position `yaml:"-"`
	SLO        diag.Text     `yaml:"slo"`
	Owner      diag.Text     `yaml:"owner"`
	Gate       diag.Text     `yaml:"gate"`
	SLIBinding `yaml:",inline"`
}

// GateBinding adds to a precondition what the list cannot say, or defines a gate of its own by Run.
type GateBinding struct {
	Run    diag.Text `yaml:"run"`
	Logs   diag.Text `yaml:"logs"`
	Hard   diag.Text `yaml:"hard"`
	Every  diag.Text `yaml:"every"`
	Manual diag.Text `yaml:"manual"` // no command: a person sees to it
	Owner  diag.Text `yaml:"owner"`  // who reports a manual one
}

// CutoverBinding is what the agent needs for the cutover itself.
type CutoverBinding struct {
	TimeZone    diag.Text    `yaml:"time_zone"`
	GatesExpire diag.Text    `yaml:"gates_expire"`
	Restored    []diag.Text  `yaml:"restored"`
	Live        *LiveBinding `yaml:"live"`
}

// LiveBinding names what production runs: by a query and a label, or by a command.
type LiveBinding struct {
	At    diag.Position `yaml:"-"`
	Query diag.Text     `yaml:"query"`
	Label diag.Text     `yaml:"label"`
	Run   diag.Text     `yaml:"run"`
}

// AlertmanagerBinding is the user's own configuration, and where the agent listens.
type AlertmanagerBinding struct {
	Base  diag.Text    `yaml:"base"` // path, from the folder of this file
	Agent AgentBinding `yaml:"agent"`
}

// AgentBinding is the agent's webhook.
type AgentBinding struct {
	URL             diag.Text `yaml:"url"`
	CredentialsFile diag.Text `yaml:"credentials_file"`
}

// OwnerBinding is a receiver of the user's own configuration, or a webhook.
type OwnerBinding struct {
	Receiver diag.Text `yaml:"receiver"`
	Webhook  diag.Text `yaml:"webhook"`
}

// ParseBindings reads promrulegen.yaml. The bindings hold what could be read, also when there are diagnostics.
func ParseBindings(file string, content []byte) (Bindings, diag.List) {
	b := Bindings{File: file, lines: strings.Split(string(content), "\n")}
	problems := diag.DecodeYAML(file, content, &b)
	return b, problems
}

// Diagnostic says that something is wrong at a place in the file. A text gives its place and width; a place without a column, or
// outside the file, shows no source.
func (b Bindings) Diagnostic(text diag.Text, message, hint string) diag.Diagnostic {
	width := len([]rune(text.Value)) + 2*b.quotes(text)
	return diag.Diagnostic{At: b.place(text.At), Width: width, Source: b.Line(text.At.Line), Message: message, Hint: hint}
}

// Within is Diagnostic for width characters from offset inside the text. Where escapes make it impossible to tell, it shows all of it.
func (b Bindings) Within(text diag.Text, offset, width int, message string) diag.Diagnostic {
	d := b.Diagnostic(text, message, "")
	start := text.At.Column - 1 + b.quotes(text)
	if start < 0 || !strings.HasPrefix(string(after(d.Source, start)), text.Value) {
		return d
	}
	d.At.Column, d.Width = start+1+offset, width
	return d
}

// Line is a line of the file, "" outside of it.
func (b Bindings) Line(number int) string {
	if number < 1 || number > len(b.lines) {
		return ""
	}
	return strings.TrimSuffix(b.lines[number-1], "\r")
}

// place is the file itself where a text was left out and has no place of its own.
func (b Bindings) place(at diag.Position) diag.Position {
	if at == (diag.Position{}) {
		return diag.Position{File: b.File, Line: 1, Column: 1}
	}
	return at
}

// quotes is 1 if the text is written in quotes.
func (b Bindings) quotes(text diag.Text) int {
	rest := after(b.Line(text.At.Line), text.At.Column-1)
	if len(rest) > 0 && (rest[0] == '\'' || rest[0] == '"') {
		return 1
	}
	return 0
}

func after(line string, column int) []rune {
	runes := []rune(line)
	if column < 0 || column > len(runes) {
		return nil
	}
	return runes[column:]
}
