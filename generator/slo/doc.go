// Package slo is the vocabulary of the product: what a runbook's SLO matrix says once it has been read and bound to metrics, and
// the release plan compiled from it. Every name that leaves the program (metrics, labels, files) stands here.
//
// A value of these types is valid: stages that receive one do not check it again. The package does no I/O.
package slo
