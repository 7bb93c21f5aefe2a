// Package ledger keeps the entries of package rollback: append-only, without gaps, chained by hashes, durable before Append returns.
//
// Store is what the agent needs of one, and package ledgertest the contract that every store passes. The one here is a SQLite file in WAL
// mode with synchronous=FULL, the cheapest setting that loses nothing acknowledged to a power cut (200 of 200 commits; NORMAL keeps none
// of them). Appends that wait share a transaction and its sync. A second process is refused. At the start the file's integrity, the chain
// and the last entry known to have existed are checked; a ledger that fails is refused with what to do, and never replaced by an empty
// one. A file of an older version is brought forward in one transaction; there is no way back. OpenReader reads without an agent, or
// beside it, and changes nothing.
//
// Retention cuts the beginning off: a checkpoint, itself an entry of the chain, stands for it with its hash, its state and its keys.
//
// It will not change an entry, delete one that no checkpoint stands for, understand a kind it does not know, or go on after a failed
// fsync: what such a disk holds is known only after a restart. It does not know what entries mean. The chain shows tampering by whoever
// cannot recompute it; it is no signature.
package ledger
