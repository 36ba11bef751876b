# mypy: ignore-errors
"""PyPI pykismet3. It has no verify-key, and speaks plain http."""

import json
import os
import sys

import pykismet3

VISITOR = {"user_ip": "192.0.2.7", "user_agent": "Mozilla/5.0", "referrer": "https://bakery.example/bread"}
HAM = {**VISITOR, "comment_author": "Anna", "comment_content": os.environ["HAM"]}
SPAM = {**VISITOR, "comment_author": "viagra-test-123", "comment_content": os.environ["SPAM"]}


def client_of(key):
    return pykismet3.Akismet(api_key=key, blog_url=os.environ["BLOG"], user_agent="driver")


def verdict(client, comment):
    try:
        return "spam" if client.check(dict(comment)) else "ham"
    except pykismet3.AkismetServerError:
        return "error"


def main():
    if os.environ.get("SERVICE"):
        for name in ("CHECK", "SUBMIT_SPAM", "SUBMIT_HAM"):
            constant = f"AKISMET_{name}_URL"
            setattr(
                pykismet3, constant, getattr(pykismet3, constant).replace("rest.akismet.com", os.environ["SERVICE"])
            )
    client, stranger = client_of(os.environ["KEY"]), client_of(os.environ["WRONG_KEY"])
    answers = {"verified": None, "wrong_verified": None, "ham": verdict(client, HAM), "spam": verdict(client, SPAM)}
    answers["wrong"] = verdict(stranger, HAM)
    client.submit_ham(dict(HAM))
    client.submit_spam(dict(SPAM))
    json.dump(answers | {"submitted": True}, sys.stdout)


main()
