# mypy: ignore-errors
# The client has the same package name as another one, which is installed where mypy looks.
"""PyPI akismet-async."""

import asyncio
import json
import os
import sys

from akismet import Akismet, Comment, SpamStatus
from akismet import client as module

NAMES = {SpamStatus.HAM: "ham", SpamStatus.PROBABLE_SPAM: "spam", SpamStatus.DEFINITE_SPAM: "discard"}
VISITOR = {"user_ip": "192.0.2.7", "user_agent": "Mozilla/5.0", "referrer": "https://elsewhere.example"}
HAM = Comment(**VISITOR, comment_author="Anna", comment_content=os.environ["HAM"])
SPAM = Comment(**VISITOR, comment_author="viagra-test-123", comment_content=os.environ["SPAM"])


async def verdict(client, comment):
    try:
        return NAMES.get(await client.check(comment), "unknown")
    except ValueError:
        # The client parses every reply as JSON, and `invalid` is not JSON.
        return "error"


def point_to(service):
    for name in ("CHECK", "SUBMIT_SPAM", "SUBMIT_HAM", "KEY_VERIFICATION"):
        address = getattr(module, f"AKISMET_{name}_URL")
        setattr(module, f"AKISMET_{name}_URL", address.replace("rest.akismet.com", service))


async def main():
    if os.environ.get("SERVICE"):
        point_to(os.environ["SERVICE"])
    client = Akismet(os.environ["KEY"], blog=os.environ["BLOG"])
    stranger = Akismet(os.environ["WRONG_KEY"], blog=os.environ["BLOG"])
    answers = {"verified": await client.verify_key(), "wrong_verified": await stranger.verify_key()}
    answers |= {
        "ham": await verdict(client, HAM),
        "spam": await verdict(client, SPAM),
        "wrong": await verdict(stranger, HAM),
    }
    await client.submit_ham(HAM)
    await client.submit_spam(SPAM)
    json.dump(answers | {"submitted": True}, sys.stdout)


asyncio.run(main())
