// Package live asks one Prometheus, over its HTTP API, what the rules will meet there: which series there are, how often targets are
// scraped, how far back it remembers, and what a query yields now.
//
// It reads only. It does not know what the answers are for, and judges nothing: that is the driver's. What a server does not tell, as
// Thanos and Mimir know no targets, is said to be unknown, and is no error; a server that cannot be asked is one.
package live
