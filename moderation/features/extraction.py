"""Extraction of the features of a parsed comment: a document to hash, the signals and the rule contributions."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import NO_SIGNALS, SubmissionSignals
from moderation.features.links import Link
from moderation.features.ngrams import (
    ANCHOR,
    AUTHOR,
    TARGET,
    TITLE_TOKEN,
    URL,
    WORDS,
    Document,
    Field,
    HashedBatch,
    hash_documents,
    tokenize,
)
from moderation.features.parsed_comment import ParsedComment
from moderation.features.passages import Passage
from moderation.features.signals import measure, measure_all
from moderation.features.signals.links import tld
from moderation.features.signals.submission import rule_contributions

FEATURES_VERSION = 7
"""Raise it whenever the same comment gives other features: a model serves only the version that it was trained on."""

_MAX_LINK_TARGETS = 40
_MAX_URL_TEXT_LENGTH = 400


class Features(NamedTuple):
    """The features of one comment: its words (`document`) and the values of its `signals`, NaN for an absent field.

    `rule_contributions` are contributions to the logit, by code, of the signals whose weights are set by hand. `start`
    is where the text begins in the comment as sent: above 0 for a later passage of a long comment.
    """

    parsed: ParsedComment
    document: Document
    signals: Sequence[float]
    rule_contributions: dict[str, float]
    start: int = 0


def extract_features(parsed: ParsedComment, submission: SubmissionSignals = NO_SIGNALS) -> Features:
    """Return the features of one comment and of its submission."""
    return Features(parsed, document_of(parsed), measure(parsed), rule_contributions(parsed, submission))


def extract_passage(features: Features, passage: Passage) -> Features:
    """Return the features of a passage of a long comment. The rules read the whole comment, so they stay the same."""
    parsed = features.parsed.passage(passage.start, passage.end)
    return Features(parsed, document_of(parsed), measure(parsed), features.rule_contributions, passage.start)


def extract_batch(parsed_comments: Sequence[ParsedComment]) -> tuple[HashedBatch, NDArray[np.float64]]:
    """Return the hashed rows of many comments and their signals, an array of shape (comments, signals)."""
    return hash_documents(list(map(document_of, parsed_comments))), measure_all(parsed_comments)


def document_of(parsed: ParsedComment) -> list[Field]:
    """Return the fields to hash: the text, the author's name, the anchors and targets of links, and the author's URL.

    Words of the page's title are all replaced by one token: the subject of a page is no evidence on another page.
    """
    fields = [Field(_mask_title_words(parsed), WORDS)]
    if parsed.author:
        fields.append(Field(parsed.author_words, AUTHOR))
    if any(parsed.descriptive_anchors):
        fields.append(Field(tokenize(" ".join(parsed.descriptive_anchors)), ANCHOR))
    if parsed.external_links:
        fields.append(Field(tokenize(_target_text(parsed.external_links)), TARGET))
    if parsed.url:
        fields.append(Field(tokenize(_url_text(parsed.url)), URL))
    return fields


def _mask_title_words(parsed: ParsedComment) -> list[str]:
    title, tokens = parsed.title_words, parsed.tokens
    return tokens if title.isdisjoint(tokens) else [TITLE_TOKEN if word in title else word for word in tokens]


def _target_text(links: list[Link]) -> str:
    return " ".join(
        f"{link.domain.replace('.', '_')} _{tld(link)} {_decoded(link.path)}" for link in links[:_MAX_LINK_TARGETS]
    ).lower()


def _url_text(url: Link) -> str:
    subdomain = url.host.removesuffix(url.domain)
    return f"{url.domain.replace('.', '_')} _{tld(url)} {subdomain} {_decoded(url.path)}".lower()[:_MAX_URL_TEXT_LENGTH]


def _decoded(path: str) -> str:
    return unquote(path) if "%" in path else path
