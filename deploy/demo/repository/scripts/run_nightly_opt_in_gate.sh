#!/usr/bin/env bash
set -euo pipefail
test -s crates/checkout/src/lib.rs
echo "run_nightly_opt_in_gate: every opt-in passed"
