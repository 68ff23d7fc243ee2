"""A program that calls an API with nothing about OAuth in it: the agent puts the
token on each request. It prints what became of its calls as one line of JSON.

    API=http://127.0.0.1:7070/orders RATE=200 SECONDS=10 python3 app.py
"""

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests

API = os.environ.get("API", "http://127.0.0.1:7070/orders")
RATE = float(os.environ.get("RATE", "200"))
SECONDS = float(os.environ.get("SECONDS", "10"))

result = {"calls": 0, "failed": 0, "errors": []}
lock = threading.Lock()
mine = threading.local()


def call(n):
    if not hasattr(mine, "session"):
        mine.session = requests.Session()  # keeps its connection
    order = json.dumps({"order": n})
    error = None
    try:
        # Every other call has a body, which must arrive whole however often it is sent.
        if n % 2:
            answer = mine.session.post(f"{API}/orders/{n}", data=order, timeout=30)
        else:
            answer = mine.session.get(f"{API}/orders/{n}", timeout=30)
        if answer.status_code != 200:
            error = f"{answer.status_code} {answer.text[:200]}"
        elif n % 2 and json.dumps(order)[1:-1] not in answer.text:
            error = f"another body came back: {answer.text[:200]}"
    except requests.RequestException as err:
        error = repr(err)
    with lock:
        result["calls"] += 1
        if error is not None:
            result["failed"] += 1
            if len(result["errors"]) < 5:
                result["errors"].append(error)


# The schedule does not wait for answers, as callers of a service do not.
began = time.monotonic()
with ThreadPoolExecutor(64) as pool:
    n = 0
    while time.monotonic() < began + SECONDS:
        pool.submit(call, n)
        n += 1
        wait = began + n / RATE - time.monotonic()
        if wait > 0:
            time.sleep(wait)
print(json.dumps(result))
