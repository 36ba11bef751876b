# mypy: ignore-errors
# The client is installed for this test alone.
"""PyPI django-antispam, which calls python-akismet. It cannot verify a key."""

import json
import os
import sys

from akismet import Akismet, SpamStatus
from akismet.exceptions import AkismetServerError
from antispam import akismet
from django.conf import settings

NAMES = {SpamStatus.Ham: "ham", SpamStatus.ProbableSpam: "spam", SpamStatus.DefiniteSpam: "discard"}
REQUEST = akismet.Request(ip_address="192.0.2.7", user_agent="Mozilla/5.0", referrer="")


def comment_of(name, text):
    return akismet.Comment(text, type="comment", author=akismet.Author(name=name, email="anna@post.example"))


def verdict(comment):
    try:
        return NAMES.get(akismet.check(REQUEST, comment), "unknown")
    except AkismetServerError:
        return "error"


def main():
    settings.configure(AKISMET_API_KEY=os.environ["KEY"], AKISMET_SITE_URL=os.environ["BLOG"])
    if os.environ.get("SERVICE"):
        Akismet.domain = os.environ["SERVICE"]
    ham, spam = comment_of("Anna", os.environ["HAM"]), comment_of("viagra-test-123", os.environ["SPAM"])
    answers = {"verified": None, "wrong_verified": None, "ham": verdict(ham), "spam": verdict(spam)}
    akismet.submit(REQUEST, ham, is_spam=False)
    akismet.submit(REQUEST, spam, is_spam=True)
    settings.AKISMET_API_KEY = os.environ["WRONG_KEY"]
    json.dump(answers | {"wrong": verdict(ham), "submitted": True}, sys.stdout)


main()
