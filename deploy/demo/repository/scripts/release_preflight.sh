#!/usr/bin/env bash
# Fit to be released: the service's description is there and names its failures. How many there will be, only traffic shows.
set -euo pipefail
grep -q '"error_percent": [0-9]' service.json
echo "preflight: $(tr -d '\n' < service.json) is fit to serve"
