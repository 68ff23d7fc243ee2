#!/bin/sh
# Seed 004, step 2: a token from Python (requests) and from JavaScript (fetch),
# with the document's three placeholders filled in as a person would. The
# document's own samples are run by examples_test.go, as they are printed.
set -eu
cd "$(dirname "$0")"
: "${BASE:=http://127.0.0.1:9400}" "${PYTHON:=python3}"
. ./client.env

fill() {
  sed -e "s|Your-Client-ID|$MINTAGE_CLIENT_ID|" -e "s|Your-Client-Secret|$MINTAGE_CLIENT_SECRET|" \
    -e "s|auth_url|$BASE/oauth2/token|" "$1"
}
fill sample.py | "$PYTHON" -
fill sample.mjs | node --input-type=module -
