"""Isso with a judge: a comment is published, held or refused by its verdict. `gunicorn judged_isso:application`."""

import os
import sqlite3
import threading
import time
from contextlib import closing
from html import unescape

from isso import config, ext, make_app
from werkzeug.exceptions import Forbidden

from moderation.client import Client

ACCEPTED, PENDING = 1, 2
"""Modes of a comment at Isso."""
DELIVERY_SECONDS = 300

folder = os.environ["MODERATION_FOLDER"]
client = Client(os.environ["MODERATION_ADDRESS"], os.environ["MODERATION_KEY"], spool=f"{folder}/spool")
last = threading.local()


class JudgedSignal(ext.Signal):
    """The signals of Isso, with ours beside those of its notifications."""

    def __init__(self, *subscribers):
        ours = (
            ("comments.new:before-save", judge),
            ("comments.new:after-save", remember),
            ("comments.activate", teach),
        )
        super().__init__(*subscribers, ours)


def judge(thread, comment):
    """Publish a new comment, hold it or refuse it. Isso waits for this before it saves."""
    # Isso has escaped these for its page. The text is as it was typed.
    given = {name: unescape(comment[name]) for name in ("author", "email", "website") if comment[name]}
    url = given.pop("website", None)
    answer = client.score(comment["text"], url=url, permalink=thread["uri"], context=thread["title"], **given)
    last.decision_id = answer.decision_id
    if answer.verdict == "discard":
        raise Forbidden("This comment was refused.")
    comment["mode"] = ACCEPTED if answer.verdict == "publish" else PENDING


def remember(_thread, comment):
    """Keep the decision on a held comment until a person has activated it."""
    if last.decision_id and comment["mode"] == PENDING:
        with closing(decisions()) as database, database:
            database.execute("INSERT OR REPLACE INTO decisions VALUES (?, ?)", (comment["id"], last.decision_id))


def teach(_thread, comment):
    """Label a comment ham that a moderator has activated at Isso."""
    with closing(decisions()) as database, database:
        row = database.execute("DELETE FROM decisions WHERE comment_id = ? RETURNING decision_id", (comment["id"],))
        decision = row.fetchone()
    if decision:
        client.label(decision[0], "ham", labelled_by="Isso")


def decisions():
    """Open the decisions by comment."""
    database = sqlite3.connect(f"{folder}/decisions.db")
    database.execute("CREATE TABLE IF NOT EXISTS decisions (comment_id INTEGER PRIMARY KEY, decision_id TEXT)")
    return database


def deliver():
    """Send every few minutes what the service has not seen."""
    while True:
        time.sleep(DELIVERY_SECONDS)
        client.deliver()


threading.Thread(target=deliver, daemon=True).start()
ext.Signal = JudgedSignal
application = make_app(config.load(config.default_file(), os.environ["ISSO_SETTINGS"]), multiprocessing=True)
