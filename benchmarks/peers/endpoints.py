"""Flask applications to compare the service with: nothing, a durable insert, a scikit-learn pipeline.

Each takes the same JSON as `POST /v1/score` and answers a verdict.
"""

import csv
import os
import sqlite3
import threading

import numpy as np
from flask import Flask, request

from benchmarks.data import STARTER
from benchmarks.peers.pipelines import words_logistic
from moderation.domain.comment import Comment

DATABASE_VARIABLE = "BENCHMARK_DATABASE"


def no_op() -> Flask:
    """Build an endpoint that answers without a look at the request."""
    app = Flask(__name__)
    app.add_url_rule("/", "score", lambda: {"verdict": "publish"}, methods=["POST"])
    return app


def insert() -> Flask:
    """Build an endpoint that stores the text before it answers: one SQLite transaction, flushed to the disk."""
    app = Flask(__name__)
    connections = threading.local()
    path = os.environ[DATABASE_VARIABLE]
    with sqlite3.connect(path) as setup:
        setup.execute("PRAGMA journal_mode = WAL")
        setup.execute("CREATE TABLE IF NOT EXISTS comments (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")

    def score() -> dict[str, object]:
        connection = getattr(connections, "connection", None)
        if connection is None:
            connection = connections.connection = sqlite3.connect(path, timeout=60, isolation_level=None)
            connection.execute("PRAGMA synchronous = FULL")
        cursor = connection.execute("INSERT INTO comments (text) VALUES (?)", (request.get_json()["text"],))
        return {"id": cursor.lastrowid, "verdict": "publish"}

    app.add_url_rule("/", "score", score, methods=["POST"])
    return app


def pipeline() -> Flask:
    """Build an endpoint that asks a pipeline trained on the starter corpus."""
    app = Flask(__name__)
    with STARTER.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    spam = np.array([row["label"] == "spam" for row in rows])
    model = words_logistic({"C": 1.0}).fit([Comment(row["text"]) for row in rows], spam)

    def score() -> dict[str, object]:
        probability = float(model.predict_proba([Comment(request.get_json()["text"])])[0, 1])
        return {"probability": probability, "verdict": "spam" if probability > 0.5 else "publish"}

    app.add_url_rule("/", "score", score, methods=["POST"])
    return app
