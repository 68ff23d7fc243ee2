#!/bin/sh
# Seed 001: the command as it is printed there, misspelt scaope and all.
set -eu
cd "$(dirname "$0")"
: "${BASE:=http://127.0.0.1:9400}"
. ./secrets.env

curl -u "6c2n38q2q1pid03vtjuk5md3k1:$OTTO_SECRET" \
  -d "grant_type=client_credentials&scaope=otto-dev-api-resource-server/api.read" \
  -H "Content-Type: application/x-www-form-urlencoded" \
  -X POST -sS --fail-with-body "$BASE/oauth2/token"
echo
