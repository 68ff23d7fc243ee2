"""Get a token with requests. The three placeholders are filled in by request.sh."""

import requests

answer = requests.post(
    "auth_url",
    auth=("Your-Client-ID", "Your-Client-Secret"),
    data={"grant_type": "client_credentials", "scope": "api/write"},
    timeout=10,
)
answer.raise_for_status()
print("Access Token:", answer.json()["access_token"])
