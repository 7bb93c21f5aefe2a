// Package gitrepo speaks to one git remote over http(s) or ssh: it reads tips, commits
// and tags, and moves a branch to a commit whose tree the remote already has.
//
// It keeps no work tree, no clone and nothing on disk. A rollback is one commit
// object of about 200 bytes, {tree of the stable tag, parent of the branch tip},
// pushed with our own idea of the old tip, so that the remote compares and
// swaps: over http three requests and the one that reads the ref again. Bytes and
// memory do not grow with the size of the repository, the length of its history
// or the number of its refs. Two servers cost more: one without protocol version 2
// sends all its refs with each look, and over ssh every push is greeted with them.
//
// Reading is git protocol v2 (ls-refs, fetch with filter tree:0), or version 0
// where there is no other. Of a server without filters a fetch is abandoned after
// the commit. Writing is our own request to git-receive-pack: go-git's session
// takes an empty 200 for success, leaks its connection, and over ssh knows neither
// contexts nor the right kind of host key. What happened is never taken from the answer alone:
// the ref is read again from the remote and decides.
//
// With a [Key] commits, tags and lock records are signed; with [Signers] a tag
// without a good signature of theirs is no tag. With paths only these go back: the
// folders on the way are made anew, and everything beside them is carried on by id.
//
// Trees are vetted where they are read, as git fsck --strict would: those on the way to the paths that go back, and those that a diff walks.
// A rollback of everything reads none: it names a tree that this remote has had on this branch, by the id that was pinned, and whether that
// tree is one was for the remote to say when it came (receive.fsckObjects). What lies below a path, and blobs, are never read.
//
// It will not speak sha256 (refused with a typed error), will not look into files,
// and will not retry: [Remote.Push] may be repeated with the same
// [Prepared] any number of times, so the caller's schedule is the only one.
package gitrepo
