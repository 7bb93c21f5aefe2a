package generator

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// subject is what a row, or an item, says beside a bound about what the bound is of.
type subject struct {
	name     string
	counts   slo.Share   // the events that the name alone says it counts
	said     phrases     // what cells say
	target   phrase      // what the row's target says, beside its alert
	prose    bool        // an item: its bound stands in a sentence
	named    slo.Decimal // the quantile that the name alone says
	share    slo.Share   // that a percentage is of, where its own cell does not say
	quantile slo.Decimal // of its times
	window   slo.Duration
	hold     slo.Duration // of the alert
	doubt    string       // why none of it can be relied on
}

// longestLookBack is that of an alert: more is the period of an objective.
const longestLookBack = slo.Duration(24 * time.Hour)

// timeWords name what is measured in time.
var timeWords = []string{"latency", "response time", "duration", "delay", "time to", "지연", "응답 시간", "응답시간", "소요 시간"}

// shareWords name what is a part of a whole.
var shareWords = []string{"ratio", "percentage", "availability", "uptime", "error rate", "success rate", "failure rate", "hit rate", "가용", "율", "률"}

// subjectOf reads what holds for both cells of a row: its name, its columns of times, and what only one of its cells says.
func subjectOf(row runbook.Row, said phrases) subject {
	u := subject{name: row.Name.Text, doubt: row.Doubt, said: said}
	u.nameSays(row.Name.Text)
	for _, column := range []struct {
		cell runbook.Cell
		into *slo.Duration
	}{{row.Window, &u.window}, {row.For, &u.hold}} {
		if column.cell.At.Line == 0 {
			continue // the table has no such column
		}
		length, err := condition.ParseWindow(column.cell.Text)
		if err != nil && u.doubt == "" {
			u.doubt = fmt.Sprintf("cannot read %q: it %v", column.cell.Text, err)
		}
		*column.into = length
	}
	target, alert := said.target(row), said.read(row.Alert)
	u.target = target
	for _, s := range []phrase{target, alert} {
		if u.quantile.Sign() == 0 {
			u.quantile = s.condition.Quantile
		}
	}
	if u.share == "" && target.err == nil && alert.err == nil {
		u.share = agreedShare(target.condition, alert.condition)
	}
	return u
}

// subjectOfItem is that of a trigger's item, which is its own name.
func subjectOfItem(item runbook.Item) subject {
	u := subject{name: item.Text.Text, prose: true}
	u.nameSays(item.Text.Text)
	return u
}

func (u *subject) nameSays(name string) {
	u.counts = condition.ShareOf(name)
	u.share = u.counts
	if named, err := condition.Mention(name); err == nil {
		u.named, u.quantile = named.Quantile, named.Quantile
	}
}

// agreedShare is the share that both cells of a row must be of for their directions to make sense: above 30 % is good and below 15 % bad
// of cache hits only, also where neither cell nor name says what they are. Bounds far apart, <= 2% and > 99%, agree on nothing.
func agreedShare(target, alert slo.Condition) slo.Share {
	good, failed := target.As(objective)
	bad, err := alert.As(alarm)
	if failed != nil || err != nil || good.Relative || bad.Relative || good.Share != bad.Share || good.Value.Cmp(half) != bad.Value.Cmp(half) {
		return ""
	}
	return good.Share
}

// lend gives a condition what it leaves to its row: which events, and how far back.
func (u subject) lend(c slo.Condition, s slo.Sense) slo.Condition {
	if c.Unit == "" && c.Value.Sign() != 0 && !c.Relative {
		c.Unit, c.Value = unitNamed(u.name, c.Value)
	}
	if c.Unit == slo.Ratio && !c.Relative && c.Share == "" {
		c.Share = u.share
	}
	if c.Window == 0 && c.Period == 0 && (s == objective || u.window <= longestLookBack) {
		c.Window = u.window // nobody is paged on the last thirty days
	}
	if s == alarm && c.For == 0 {
		c.For = u.hold
	}
	return c
}

// unitInName is what a row's name says its bare numbers are: "Latency (ms)".
var unitInName = regexp.MustCompile(`(?i)[(\[](ms|s|sec|seconds|초|%|percent)[)\]]`)

func unitNamed(name string, value slo.Decimal) (slo.Unit, slo.Decimal) {
	found := unitInName.FindStringSubmatch(name)
	switch {
	case found == nil:
		return "", value
	case strings.EqualFold(found[1], "ms"):
		return slo.Seconds, value.Shift(-3)
	case found[1] == "%" || strings.EqualFold(found[1], "percent"):
		return slo.Ratio, value.Percent()
	}
	return slo.Seconds, value
}

// read reads a cell, which is all bound, or an item, which is prose: as written, and as its place means it.
func (u subject) read(cell runbook.Cell, s slo.Sense) (written, placed slo.Condition, err error) {
	if u.prose {
		written, err = condition.Mention(cell.Text)
	} else {
		found := u.said.read(cell)
		if s == objective {
			found = u.target
		}
		written, err = found.condition, found.err
	}
	if err != nil {
		return written, written, err
	}
	written = u.lend(written, s)
	if err = u.fits(written, cell, s); err != nil {
		return written, written, err
	}
	if placed, err = written.As(s); err != nil {
		return written, placed, err
	}
	if placed.Quantile.Sign() == 0 && (placed.Unit == slo.Seconds || placed.Relative) {
		placed.Quantile = u.quantile
	}
	placed, whole := overWindow(placed)
	if !whole {
		return written, placed, errors.New(notWhole(placed))
	}
	return written, placed, nil
}

// misnomer is a condition that cannot be of what its row is called.
type misnomer struct{ message, hint string }

// Error is the message.
func (m misnomer) Error() string { return m.message }

// fits says why a condition, with what it was lent, cannot be of what the row is called. The error is a misnomer.
func (u subject) fits(c slo.Condition, cell runbook.Cell, s slo.Sense) error {
	own := u.said.read(cell).share
	percentage := c.Unit == slo.Ratio && !c.Relative
	bare := c.Unit == "" && c.Value.Sign() != 0 && !u.prose
	timed := mentions(u.name, timeWords...)
	const turn, excess = `turn it round, or say in the cell which events it counts: ">= 98% good", "<= 2% bad"`, `write for instance "baseline + > 20%", or a time`
	placed, err := c.As(s)
	if message, hint := u.turned(placed, s); err == nil && message != "" {
		return misnomer{message, hint}
	}
	switch {
	case c.Quantile.Sign() != 0 && u.named.Sign() != 0 && c.Quantile.Cmp(u.named) != 0:
		return misnomer{fmt.Sprintf("quantile %s is stated, and %q is of %s", c.Quantile, u.name, u.named), "make both the same"}
	case err != nil && percentage && u.share != "" && own == "" && c.Share == u.share && (c.Sense == "" || c.Sense == s):
		return misnomer{fmt.Sprintf("%q counts %s events: %v", u.name, u.share, err), turn}
	case u.share == slo.ShareBad && c.Share == slo.ShareGood && own == "":
		return misnomer{fmt.Sprintf("%q counts bad events: is this a share of good ones?", u.name), turn}
	case percentage && u.quantile.Sign() != 0:
		return misnomer{fmt.Sprintf("a quantile (%s) is of times, not of percentages: over a baseline?", u.quantile), excess}
	case percentage && u.counts == "" && own == "" && timed:
		return misnomer{fmt.Sprintf("%q is a time, and this is a percentage: over a baseline?", u.name), excess}
	case bare && (u.quantile.Sign() != 0 || timed):
		return misnomer{fmt.Sprintf("%s of what? %q is a time", c.Value, u.name), fmt.Sprintf(`write "%s %sms", or "%[1]s %[2]ss"`, c.Op, c.Value)}
	case bare && mentions(u.name, shareWords...):
		return misnomer{fmt.Sprintf("%s of what? %q is a share", c.Value, u.name), fmt.Sprintf(`write a percentage: "%s %s%%"`, c.Op, c.Value)}
	case c.Share == slo.ShareGood && c.Op == slo.Equal && c.Value.Sign() == 0:
		return misnomer{"no good event at all would be the good condition", turn}
	case c.Unit == slo.Seconds && u.share != "" && mentions(u.name, "rate", "ratio", "율", "률") && !timed:
		return misnomer{fmt.Sprintf("%q is a share, and this is a time", u.name), `a time that it must last is written "for 10m", a window "(5m)"`}
	}
	return nil
}

// latencyWords name times of which only the long ones are bad; of an age left, or a session, the short ones may be.
var latencyWords = []string{"latency", "response time", "지연", "응답 시간", "응답시간"}

// turned says why a bound points the wrong way without knowing what measures it: an excess over a baseline, and a latency, are bad when
// they are high.
func (u subject) turned(placed slo.Condition, s slo.Sense) (message, hint string) {
	switch {
	case placed.Relative:
		return misfitDirection(placed, quantity{kind: "bound over a baseline", rising: true}, s)
	case placed.Unit == slo.Seconds && mentions(u.name, latencyWords...):
		return misfitDirection(placed, quantity{kind: "latency", rising: true}, s)
	}
	return "", ""
}
