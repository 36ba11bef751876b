# mypy: ignore-errors
# The client has the same package name as another one, which is installed where mypy looks.
"""PyPI python-akismet."""

import json
import os
import sys

from akismet import Akismet, SpamStatus
from akismet.exceptions import AkismetServerError

NAMES = {SpamStatus.Ham: "ham", SpamStatus.ProbableSpam: "spam", SpamStatus.DefiniteSpam: "discard"}
VISITOR = {"user_ip": "192.0.2.7", "user_agent": "Mozilla/5.0"}
HAM = {**VISITOR, "comment_author": "Anna", "comment_content": os.environ["HAM"]}
SPAM = {**VISITOR, "comment_author": "viagra-test-123", "comment_content": os.environ["SPAM"]}


def verdict(client, comment):
    try:
        return NAMES.get(client.check(**comment), "unknown")
    except AkismetServerError:
        return "error"


def main():
    if os.environ.get("SERVICE"):
        Akismet.domain = os.environ["SERVICE"]
    client = Akismet(os.environ["KEY"], blog=os.environ["BLOG"])
    stranger = Akismet(os.environ["WRONG_KEY"], blog=os.environ["BLOG"])
    answers = {"verified": None, "wrong_verified": None, "ham": verdict(client, HAM), "spam": verdict(client, SPAM)}
    answers["wrong"] = verdict(stranger, HAM)
    client.submit_ham(**HAM)
    client.submit_spam(**SPAM)
    json.dump(answers | {"submitted": True}, sys.stdout)


main()
