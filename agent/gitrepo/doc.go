// Package gitrepo speaks to one git remote over http(s): it reads tips, commits
// and tags, and moves a branch to a commit whose tree the remote already has.
//
// It keeps no work tree, no clone and nothing on disk. A rollback is one commit
// object of about 200 bytes, {tree of the stable tag, parent of the branch tip},
// pushed with our own idea of the old tip, so that the remote compares and
// swaps. Bytes and memory do not grow with the size of the repository, the
// length of its history or the number of its refs.
//
// Reading is git protocol v2 (ls-refs, fetch with filter tree:0). Writing is our
// own POST to git-receive-pack: go-git's session takes an empty 200 for success
// and leaks its connection. What happened is never taken from the answer alone:
// the ref is read again from the remote and decides.
//
// It will not speak v0, ssh or sha256 (refused with a typed error), will not
// sign, and will not retry: [Remote.Push] may be repeated with the same
// [Prepared] any number of times, so the caller's schedule is the only one.
package gitrepo
