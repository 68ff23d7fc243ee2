#!/bin/sh
# Seed 003: a POST with everything in the query and nothing in the body.
set -eu
cd "$(dirname "$0")"
: "${BASE:=http://127.0.0.1:9400}"
. ./secrets.env

curl -sS --fail-with-body -X POST \
  "$BASE/oauth/token?grant_type=client_credentials&client_id=my_client_id&client_secret=$SESSIONM_SECRET"
echo
