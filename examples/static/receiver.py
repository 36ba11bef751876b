"""Comments of a static page: judged when they are posted, decided by moderators, and written into the page."""

import base64
import fcntl
import hashlib
import hmac
import json
import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from flask import Flask, abort, redirect, render_template, request

from moderation.client import Client

MAX_BODY_BYTES = 64_000
MAX_NAME_LENGTH = 100
MAX_AGE_SECONDS = 300


def open_app():
    """Return the receiver with the settings of the environment: `flask --app receiver:open_app run`."""
    folder = Path(os.environ["COMMENTS_FOLDER"])
    client = Client(os.environ["MODERATION_ADDRESS"], os.environ["MODERATION_KEY"], spool=folder / "spool")
    return create_app(client, folder, os.environ["WEBHOOK_SECRET"])


def create_app(client, folder, webhook_secret):
    """Return the receiver. It keeps the comments in `folder`, and writes the pages into `folder/public`."""
    (folder / "public").mkdir(parents=True, exist_ok=True)
    app = Flask(__name__, template_folder=Path(__file__).parent, static_folder=folder / "public", static_url_path="")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES

    @app.post("/comments")
    def post_comment():
        text, author = (request.form.get(name, "").strip() for name in ("text", "author"))
        if not text:
            abort(400, "Go back, write a comment and send it again.")
        comment_id, author = uuid4().hex, author[:MAX_NAME_LENGTH]
        answer = client.score(text, author=author, comment_id=comment_id, permalink=request.url_root)
        if answer.verdict != "discard":
            with changing(folder) as comments:
                comments[comment_id] = {
                    "text": text,
                    "author": author,
                    "date": f"{datetime.now(UTC):%Y-%m-%d}",
                    "verdict": answer.verdict,
                    "decision_id": answer.decision_id,
                    "act": "",
                    "acted_at": "",
                }
        name = "index" if answer.verdict == "publish" else "waiting"
        return redirect(f"/{name}.html#comments", 303)

    @app.post("/moderation")
    def receive_act():
        message = verify(webhook_secret, request.headers, request.get_data(), time.time())
        if message["type"] == "decided" and message["data"]["decision"]:
            store_act(folder, message["data"], message["timestamp"])
        return "", 204

    @app.cli.command("deliver")
    def deliver():
        """Send the comments that the service has not judged yet. Run this every few minutes."""

        def update(sent, answer):
            with changing(folder) as comments:
                if sent["comment_id"] in comments:
                    comments[sent["comment_id"]] |= {"verdict": answer.verdict, "decision_id": answer.decision_id}

        client.deliver(update)

    with app.app_context(), changing(folder):
        pass  # So that there is a page before the first comment.
    return app


def store_act(folder, data, at):
    """Store the act of a moderator on a comment, unless a later one came before it."""
    with changing(folder) as comments:
        for comment in comments.values():
            if comment["decision_id"] == data["decision"] and comment["acted_at"] <= at:
                comment |= {"act": data["act"], "acted_at": at}


def is_public(comment):
    """Return whether a comment is shown: by the last act of a moderator, else by its verdict."""
    if comment["act"] in ("ham", "spam", "remove"):
        return comment["act"] == "ham"
    return comment["verdict"] == "publish"


@contextmanager
def changing(folder):
    """Yield the comments by id for a change, one process at a time. Then store them and write the pages."""
    file = folder / "comments.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        comments = json.loads(file.read_text("utf-8")) if file.exists() else {}
        yield comments
        replace(file, json.dumps(comments))
        public = list(filter(is_public, comments.values()))
        for name in ("index", "waiting"):
            page = render_template("page.html", comments=public, is_waiting=name == "waiting")
            replace(folder / "public" / f"{name}.html", page)


def replace(file, content):
    """Write a file whole or not at all."""
    new = file.with_suffix(".new")
    new.write_text(content, "utf-8")
    new.replace(file)


def verify(secret, headers, body, now):
    """Return the message of a webhook. Answers 401 to one that is forged or old."""
    try:
        message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        is_old = abs(now - int(timestamp)) > MAX_AGE_SECONDS
        sent = headers["webhook-signature"].encode().split(b" ")
    except (KeyError, ValueError):
        abort(401, "The message has no signature.")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    if is_old or not any(hmac.compare_digest(expected, signature) for signature in sent):
        abort(401, "The signature is wrong, or the message is old.")
    return json.loads(body)
