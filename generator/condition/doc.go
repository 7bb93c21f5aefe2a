// Package condition reads the little language of table cells and list items, "> 2% (5m)", "baseline + > 35% for 10m",
// "3회 연속 restart", in English and Korean, into slo.Condition, and prints it again in one canonical form. Numbers stay as written.
//
// What it cannot read completely is an error with a place, never a guess. It does not know what the numbers are of.
package condition
