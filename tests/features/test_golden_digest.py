"""One digest binds all features to `FEATURES_VERSION`."""

import csv
import hashlib
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np

from moderation.domain.comment import COMMENT_FIELDS, Comment, SubmissionSignals
from moderation.features.extraction import FEATURES_VERSION, extract_batch, extract_features
from moderation.features.lexicon import word_list
from moderation.features.minhash import lsh_bands
from moderation.features.parsed_comment import ParsedComment
from tests.strategies import FRAGMENTS

STARTER = Path(__file__).parents[2] / "data" / "starter.csv"
STARTER_ROWS = 1482
"""Rows of the starter corpus in the digest. Later rows are left out, so that a growing corpus changes no digest."""
DIGESTS = {7: "d28412a0f0fbfddd7f3d688938f124ae42fb22d2f7b54a8d5fd656376456c85d"}
"""SHA-256 by `FEATURES_VERSION`."""
ADVICE = """
The features of a comment have changed, but FEATURES_VERSION has not: stored models would score by other features than
they were trained on. If the change is not intended, undo it. Data of the packages publicsuffixlist and
disposable-email-domains count too; both are pinned in requirements.lock.
If it is intended, raise FEATURES_VERSION in moderation/features/extraction.py, enter the digest of the new version in
DIGESTS and train the default model again (`make train`). The digest is now
{digest}
"""
SUBMISSION = SubmissionSignals(
    honeypot_filled=True,
    script_ran=False,
    seconds_to_submit=2.0,
    keystrokes=3,
    page_age_days=300.0,
    page_tags=("lamps",),
)
DECIMALS = 9
"""Processors may differ in the last bits of a logarithm."""


def starter_comments() -> list[Comment]:
    """Return the first comments of the starter corpus. Empty fields are absent."""
    with STARTER.open(encoding="utf-8", newline="") as stream:
        rows = list(islice(csv.DictReader(stream), STARTER_ROWS))
    return [Comment(**{name: row[name] for name in COMMENT_FIELDS if row.get(name)}) for row in rows]


def hostile_comments() -> list[Comment]:
    """Return comments made of hostile fragments, which the starter corpus lacks."""
    n = len(FRAGMENTS)
    texts = ["".join(FRAGMENTS[(i * step + step) % n] for i in range(24)) for step in range(1, n)]
    return [
        Comment(text, texts[i - 1][:80], texts[i - 2][:80], texts[i - 3][:80], texts[i - 4][:80], texts[i - 5][:80])
        for i, text in enumerate(texts)
    ]


def digest() -> str:
    """Return the digest of the word lists and of all features of starter comments and of hostile comments."""
    parsed_comments = [ParsedComment(comment) for comment in (*starter_comments(), *hostile_comments())]
    result = hashlib.sha256()
    for path in sorted(files("moderation.features").joinpath("data").iterdir(), key=lambda path: path.name):
        is_list = path.name.endswith(".txt")
        result.update(repr(word_list(path.name.removesuffix(".txt"))).encode() if is_list else path.read_bytes())
    batch, signals = extract_batch(parsed_comments)
    for array in (batch.owners, batch.columns, batch.values.round(DECIMALS), signals.round(DECIMALS)):
        result.update(np.ascontiguousarray(array + 0).astype(array.dtype.newbyteorder("<")).tobytes())
    for parsed in parsed_comments:
        result.update(repr(sorted(extract_features(parsed, SUBMISSION).rule_contributions.items())).encode())
        result.update(repr(lsh_bands(parsed.comment.text)).encode())
    return result.hexdigest()


def test_the_features_are_those_of_their_version() -> None:
    """The same comments give the same features, or the version is raised."""
    assert digest() == DIGESTS.get(FEATURES_VERSION), ADVICE.format(digest=digest())
