#!/usr/bin/python3
"""Fetches keys and revocations from Mintage for haproxy.cfg, and reloads HAProxy.

    follow.py ISSUER DIRECTORY [--once] [--reload COMMAND] [--every SECONDS]

CLIENT_ID and CLIENT_SECRET (or CLIENT_SECRET_FILE) are of a client that may
read revocations: the scope revocations:read of urn:mintage:admin.
"""
import argparse
import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

SLOTS = 4  # haproxy.cfg names as many files


def fetch(url, headers=None, data=None):
    request = urllib.request.Request(url, data=data, headers=headers or {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read(1 << 20).decode()


def token(issuer):
    secret = os.environ.get("CLIENT_SECRET")
    if secret is None:
        with open(os.environ["CLIENT_SECRET_FILE"], encoding="utf-8") as f:
            secret = f.read().strip()
    basic = ":".join(urllib.parse.quote(s, safe="") for s in (os.environ["CLIENT_ID"], secret))
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "mintage/revocations:read"})
    answer = fetch(issuer + "/oauth2/token", {"Authorization": "Basic " + base64.b64encode(basic.encode()).decode()}, form.encode())
    return json.loads(answer)["access_token"]


def keys(issuer):
    """The issuer's ES256 keys: name to PEM."""
    found = {}
    for key in json.loads(fetch(issuer + "/.well-known/jwks.json"))["keys"]:
        if key.get("alg") == "ES256":
            found[key["kid"]] = fetch(issuer + "/.well-known/keys/" + urllib.parse.quote(key["kid"], safe="") + ".pem")
    if not 0 < len(found) <= SLOTS:
        raise SystemExit(f"follow.py: the issuer has {len(found)} ES256 keys, and haproxy.cfg has room for {SLOTS}")
    return found


def plain(name):
    """A name that is one line and one word of a map."""
    return name.isascii() and name.isprintable() and " " not in name and not name.startswith("#")


def files(issuer):
    """All files, by name, as they have to be now."""
    pems = keys(issuer)
    kids = sorted(pems)
    out = {"keys.map": "".join(f"{kid} {i + 1}\n" for i, kid in enumerate(kids) if plain(kid))}
    for i in range(SLOTS):
        out[f"{i + 1}.pem"] = pems[kids[i if i < len(kids) else 0]]
    ended = {"jti": set(), "kid": set()}
    clients = {}
    feed = json.loads(fetch(issuer + "/oauth2/revocations", {"Authorization": "Bearer " + token(issuer)}))
    for item in feed["items"]:
        for member, names in ended.items():
            if plain(item.get(member, " ")):
                names.add(item[member])
        if plain(item.get("client_id", " ")):
            # HAProxy counts in seconds: a token of the same second has ended too.
            before = item.get("before_ms", 1 << 52) // 1000
            clients[item["client_id"]] = max(before, clients.get(item["client_id"], 0))
    out["revoked.lst"] = "".join(s + "\n" for s in sorted(ended["jti"]))
    out["revoked-keys.lst"] = "".join(s + "\n" for s in sorted(ended["kid"]))
    out["revoked-clients.map"] = "".join(f"{c} {s}\n" for c, s in sorted(clients.items()))
    return out


def write(directory, wanted):
    """Writes what differs, and says whether anything did."""
    os.makedirs(directory, exist_ok=True)
    changed = False
    for name, text in wanted.items():
        path = os.path.join(directory, name)
        try:
            with open(path, encoding="utf-8") as f:
                if f.read() == text:
                    continue
        except FileNotFoundError:
            pass
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.replace(path + ".new", path)
        changed = True
    return changed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("issuer")
    parser.add_argument("directory")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--reload", default="")
    parser.add_argument("--every", type=float, default=2)
    args = parser.parse_args()
    while True:
        try:
            if write(args.directory, files(args.issuer)) and args.reload:
                subprocess.run(args.reload, shell=True, check=True)
        except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as e:
            if args.once:
                raise
            print("follow.py:", e, file=sys.stderr)  # what is there stays in force
        if args.once:
            return
        time.sleep(args.every)


if __name__ == "__main__":
    main()
