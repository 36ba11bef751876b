"""PyPI akismet. Its host is not an option, so another host needs a custom HTTP client."""

import json
import os
import sys
from collections.abc import Callable

import akismet
import httpx

NAMES = {akismet.CheckResponse.HAM: "ham", akismet.CheckResponse.SPAM: "spam"}
HAM = ("Anna", os.environ["HAM"])
SPAM = ("viagra-test-123", os.environ["SPAM"])


class Elsewhere(httpx.HTTPTransport):
    """Sends every request to the service instead of the host that the client names."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host=os.environ["SERVICE"])
        request.headers["Host"] = os.environ["SERVICE"]
        return super().handle_request(request)


def client_of(key: str) -> akismet.SyncClient:
    config = akismet.Config(key=key, url=os.environ["BLOG"])
    if not os.environ.get("SERVICE"):
        return akismet.SyncClient(config=config)
    http = httpx.Client(transport=Elsewhere(), headers={"User-Agent": akismet.USER_AGENT}, timeout=1.0)
    return akismet.SyncClient(config=config, http_client=http)


def verdict(client: akismet.SyncClient, author: str, text: str) -> str:
    try:
        reply = client.comment_check(user_ip="192.0.2.7", comment_author=author, comment_content=text)
    except akismet.APIKeyError:
        return "error"
    return NAMES.get(reply, "discard")


def submit(verb: Callable[..., bool], author: str, text: str) -> bool:
    return verb(user_ip="192.0.2.7", comment_author=author, comment_content=text)


def main() -> None:
    client, stranger = client_of(os.environ["KEY"]), client_of(os.environ["WRONG_KEY"])
    answers = {"verified": client.verify_key(), "wrong_verified": stranger.verify_key()}
    ham, spam = verdict(client, *HAM), verdict(client, *SPAM)
    submitted = submit(client.submit_ham, *HAM) and submit(client.submit_spam, *SPAM)
    judged = {"ham": ham, "spam": spam, "wrong": verdict(stranger, *HAM), "submitted": submitted}
    json.dump(answers | judged, sys.stdout)


main()
