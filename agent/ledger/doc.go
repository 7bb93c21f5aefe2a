// Package ledger keeps the entries of package rollback: append-only, without gaps, chained by hashes, durable before Append returns.
//
// Store is what the agent needs of one, and package ledgertest the contract that every store passes. Ledger is a SQLite file in WAL
// mode with synchronous=FULL, the cheapest setting that loses nothing acknowledged to a power cut (200 of 200 commits; NORMAL keeps none
// of them). Appends that wait share a transaction and its sync. A second process is refused. At the start the file's integrity, the chain
// and the last entry known to have existed are checked; a ledger that fails is refused with what to do, and never replaced by an empty
// one. A file of an older version is brought forward in one transaction; there is no way back. OpenReader reads without an agent, or
// beside it, and changes nothing.
//
// Shared is the other store: the same chain in PostgreSQL, for several agents at a time. Who writes holds its one row, so numbers have no
// gaps whoever appends. One agent at a time holds a Lease, on the database's clock: what is appended under it carries its token, and is
// refused inside the transaction when somebody has taken over since, however late it comes. A commit without a plain answer is neither done
// nor failed: its entry is looked for, under the row that it held, and what a standby has not confirmed is not acknowledged. Each process
// remembers the last entry it has seen: a database in which that is gone has gone back, and nothing is stored in it any more. Errands
// carry what persons ask of an agent that waits to the one that acts.
//
// Retention cuts the beginning off: a checkpoint, itself an entry of the chain, stands for it with its hash, its state and its keys.
//
// It will not change an entry, delete one that no checkpoint stands for, understand a kind it does not know, or go on after a failed
// fsync: what such a disk holds is known only after a restart. It does not know what entries mean. The chain shows tampering by whoever
// cannot recompute it; it is no signature.
package ledger
