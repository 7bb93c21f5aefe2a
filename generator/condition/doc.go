// Package condition reads the little language of table cells and list items, "> 2% (5m)", "baseline + > 35% for 10m", "99.9% (30d)",
// "3회 연속 restart", in English and Korean, into slo.Condition, and prints it again in one canonical form. Numbers stay as written, and
// units never mix: a percentage is a ratio, a time is seconds, 10/min is a count with the time it is counted in.
//
// A comparison says what it holds for, not whether that is good: "> 2%" in an alert column is the bad condition, in a target column a
// mistake. The Sense of a condition is set only where its own words say so: 99.9% without a comparison (from 95 %, or where the words
// call it good), "target", "must be", "0 is normal" state what is good; "alert", "any violation" what is bad. Likewise its Share:
// availability and 2xx count good events, errors and 5xx bad ones. Where the words are silent, slo.Condition.As tells from the place.
//
// What it cannot read completely and without doubt is an error with a place, a reason and a spelling that works, never a guess: a cell
// that a person could take for its opposite, or for another number, is refused. It does not know what the numbers are of.
package condition
