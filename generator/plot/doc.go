// Package plot draws measurements over time as SVG: Chart is one value with its bound and the stretches in which something held, Timeline
// is many rows of such stretches.
//
// A drawing stands alone: it needs no script, no font and no style sheet, follows the reader's light or dark scheme, and fills the width
// it is given without scaling its text, so that it reads on a phone. What has more points than columns is drawn by the least and the
// greatest of each column: no spike is lost. Text is escaped. The package does no I/O and does not know what is measured.
package plot
