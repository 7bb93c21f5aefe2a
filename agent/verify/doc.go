// Package verify runs the gates of a plan on one commit, in a checkout made for that and removed afterwards.
//
// A gate is a command of somebody else's repository: it runs without a shell, with an environment of its own, in a process group of
// its own that is killed at the deadline; started by root it runs as nobody and can gain no rights. The checkout is made by the git
// command without the deploy key and without anybody's configuration. Output is cut to 64 KiB, cleared of control characters, and of
// what Runner.Redact knows as secret.
//
// On Linux with a writable cgroup v2 hierarchy (root, or a delegated unit) every gate has a cgroup, and with it everything it started
// is killed. On Linux without one, a gate's descendants are known by a mark in their environment, and, when root has started them, by their
// user: they become the agent's orphans, not init's, and are killed as well. Elsewhere a descendant that called setsid outlives its gate;
// what it holds open is given up two seconds after the deadline.
// It does not limit memory, processors or the network, and a kill -9 of the agent leaves the scratch folder behind; the direct child dies
// with it, on Linux.
package verify
