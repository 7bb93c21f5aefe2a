// Package diag says what is wrong with a source, where, and what to write instead: positions, diagnostics with the line under a
// caret, and YAML that is refused with a line and a column at every unknown key. It reads no files.
package diag
