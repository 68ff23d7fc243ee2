#!/bin/sh
# Seed 000, step 2: options A and B, each on a line of its own.
set -eu
cd "$(dirname "$0")"
: "${BASE:=http://127.0.0.1:9400}"
. ./client.env

# Option A: Basic, the base64 of id:secret, and the grant in the body.
curl -sS --fail-with-body -X POST "$BASE/oauth2/token" \
  -H "Authorization: Basic $(printf '%s:%s' "$MINTAGE_CLIENT_ID" "$MINTAGE_CLIENT_SECRET" | base64 -w0)" \
  -H 'Content-Type: application/x-www-form-urlencoded' \
  -d 'grant_type=client_credentials'
echo

# Option B: credentials in the body.
curl -sS --fail-with-body -X POST "$BASE/oauth2/token" \
  -H 'Content-Type: application/x-www-form-urlencoded' \
  -d "grant_type=client_credentials&client_id=$MINTAGE_CLIENT_ID&client_secret=$MINTAGE_CLIENT_SECRET"
echo
