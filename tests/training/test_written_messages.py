"""The written messages in `tests/data`: contact forms, trackbacks, pingbacks and webmentions."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from moderation.domain.comment import Comment
from moderation.domain.comment_types import MENTION_TYPES, REACTION_TYPES
from moderation.training.corpus import read_corpus
from tests.models import STARTER, ignore

DATA = Path(__file__).parents[1] / "data"
TRACKBACK = re.compile(r"<strong>[^<>\n]+</strong>\n\n.+", re.DOTALL)
PINGBACK = re.compile(r"\[&#8230;\] .+ \[&#8230;\]", re.DOTALL)


def read(name: str) -> tuple[Sequence[Comment], Sequence[Comment]]:
    """Return the spam and the ham of a file."""
    corpus = read_corpus([DATA / name], ignore)
    spam, ham = corpus.where(corpus.spam), corpus.where(~corpus.spam)
    return spam.comments, ham.comments


def test_there_are_enough_contact_forms_of_either_label() -> None:
    """At least 30 each; the inquiries are in at least ten languages."""
    spam, ham = read("contact_forms.csv")
    assert min(len(spam), len(ham)) >= 30 and {comment.type for comment in (*spam, *ham)} == {"contact-form"}
    assert len({comment.lang for comment in ham}) >= 10


def test_trackbacks_have_the_markup_of_wordpress() -> None:
    """At least 35, good and bad ones of either type, each with the address of its page."""
    spam, ham = read("trackbacks.csv")
    assert len(spam) + len(ham) >= 35
    assert {comment.type for comment in spam} == {comment.type for comment in ham} == {"trackback", "pingback"}
    wrong = [
        comment.text
        for comment in (*spam, *ham)
        if not {"trackback": TRACKBACK, "pingback": PINGBACK}[comment.type or ""].fullmatch(comment.text)
        or not (comment.url and comment.author)
    ]
    assert wrong == []


def test_webmentions_are_of_many_types() -> None:
    """At least 15 of either label, mentions and reactions, each under another name or address."""
    spam, ham = read("webmentions.csv")
    for comments in (spam, ham):
        types = {comment.type for comment in comments}
        assert len(comments) >= 15 and types & MENTION_TYPES and len(types & REACTION_TYPES) >= 4
        assert len({(comment.author, comment.url, comment.type) for comment in comments}) == len(comments)
    assert {comment.author for comment in spam}.isdisjoint(comment.author for comment in ham)


@pytest.mark.parametrize("name", ["contact_forms.csv", "private_messages.csv", "trackbacks.csv"])
def test_no_written_message_is_trained_on(name: str) -> None:
    """Each text occurs once, and not in the starter corpus."""
    spam, ham = read(name)
    texts = [comment.text for comment in (*spam, *ham)]
    assert len(set(texts)) == len(texts)
    assert set(texts).isdisjoint(comment.text for comment in read_corpus([STARTER], ignore).comments)
