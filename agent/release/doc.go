// Package release is the vocabulary of a release's life: what was deployed, what it returns to, what was measured before and at T0,
// what its gates said, and the deeds that persons and CI ask of the agent. It judges measurements and does no I/O.
package release
