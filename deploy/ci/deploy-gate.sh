#!/bin/sh
# deploy-gate REMOTE ENVIRONMENT COMMIT: may COMMIT be deployed, or pushed to the deploy branch?
#
# Reads the lock that rollback-agent leaves on the git remote after a rollback, and needs nothing but git and the right to read: no agent,
# no token. It is for forges that run no pre-receive hook, and for deploy jobs that must say no while the agent is away. Where the agent can
# be asked, ask it as well: `rollback-agent gate COMMIT` also knows the results of the gates.
#
#     sh deploy-gate.sh https://git.example.org/shop/deploy.git checkout/production "$GITHUB_SHA"
#
# With DEPLOY_GATE_SIGNERS (a file as of git's gpg.ssh.allowedSignersFile) a lock lets its commit through only if one of these has signed it;
# that takes ssh-keygen.
#
# Exit status: 0 yes; 1 no, it is locked; 2 could not tell, which a deploy job must take for a no.

set -u
LC_ALL=C
GIT_TERMINAL_PROMPT=0
export LC_ALL GIT_TERMINAL_PROMPT

# The record comes from the remote: print nothing but plain text.
say() {
	printf '%s\n' "$*" | tr -cd '[:print:]\n' >&2
}

if [ $# -ne 3 ]; then
	say "usage: deploy-gate.sh REMOTE ENVIRONMENT COMMIT"
	exit 2
fi
remote=$1
environment=$2
commit=$3
ref=refs/rollback-agent/lock/$environment

listed=$(git ls-remote -- "$remote" "$ref") || {
	say "cannot tell: the locks of the remote cannot be read."
	exit 2
}
if [ -z "$listed" ]; then
	say "$environment is not locked."
	exit 0
fi

box=$(mktemp -d) || exit 2
trap 'rm -rf "$box"' EXIT
id=${listed%%[!0-9a-f]*}
if ! git init --quiet --bare "$box/git" || ! GIT_DIR="$box/git" git fetch --quiet -- "$remote" "$ref" ||
	! GIT_DIR="$box/git" git cat-file blob "$id" >"$box/whole" 2>/dev/null; then
	say "no: $environment is locked, and the lock's record cannot be read."
	exit 1
fi
sed '/^-----BEGIN /,$d' "$box/whole" >"$box/record"

# field NAME: the value of the first line "NAME value".
field() {
	sed -n "s/^$1 //p" "$box/record" | sed 1q
}

# signed: whether the record bears a good signature, where one is asked for.
signed() {
	[ -n "${DEPLOY_GATE_SIGNERS:-}" ] || return 0
	sed -n '/^-----BEGIN SSH SIGNATURE-----$/,$p' "$box/whole" >"$box/signature"
	who=$(ssh-keygen -Y find-principals -s "$box/signature" -f "$DEPLOY_GATE_SIGNERS" 2>/dev/null | sed 1q)
	[ -n "$who" ] && ssh-keygen -Y verify -f "$DEPLOY_GATE_SIGNERS" -I "$who" -n rollback-agent-lock -s "$box/signature" <"$box/record" >/dev/null 2>&1
}

if [ "$(field version)" = 1 ] && [ "$(field allow)" = "$commit" ] && signed; then
	say "$environment is locked, and $commit is the rollback that the lock lets through."
	exit 0
fi
say "no: $environment is locked after a rollback."
say "  incident:   $(field incident)"
say "  since:      $(field since)"
say "  allowed:    $(field allow), and nothing else"
signed || say "  and the record is not signed by whom it should be."
say "  To open it, once the cause is known: rollback-agent rca, then somebody else: rollback-agent unlock --environment $environment"
exit 1
