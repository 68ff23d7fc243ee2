#!/bin/sh
# Seed 002, step 1: a JSON body, and * for all scopes.
set -eu
cd "$(dirname "$0")"
: "${BASE:=http://127.0.0.1:9400}"
. ./secrets.env

curl -sS --fail-with-body -X POST "$BASE/access-token" \
  -H 'Content-Type: application/json' \
  --data-binary @- <<JSON
{
  "grant_type": "client_credentials",
  "client_id": "b4460113-f097-49ae-9225-f741a7bf07ed",
  "client_secret": "$MYPARCEL_SECRET",
  "scope": "*"
}
JSON
echo
