"""Reads an access token a line and says ok, or why not, a line. The key set is
what was fetched, for CACHE seconds, whatever kid a token names."""
import json
import os
import sys
import time
import urllib.request

from authlib.jose import JsonWebKey, JsonWebToken

life = float(os.environ["CACHE"])
jwt = JsonWebToken(["ES256"])
options = {
    "iss": {"essential": True, "value": os.environ["ISSUER"]},
    "aud": {"essential": True, "value": os.environ["AUDIENCE"]},
    "exp": {"essential": True},
}
keys, fetched = None, 0.0
for line in sys.stdin:
    try:
        if keys is None or time.monotonic() - fetched >= life:
            fetched = time.monotonic()
            with urllib.request.urlopen(os.environ["JWKS_URL"], timeout=10) as answer:
                keys = JsonWebKey.import_key_set(json.load(answer))
        jwt.decode(line.strip(), keys, claims_options=options).validate()
        print("ok", flush=True)
    except Exception as e:  # whatever it is, the token was not accepted
        print("refused:", type(e).__name__, str(e).replace("\n", " "), flush=True)
