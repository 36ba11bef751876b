"""The default model that ships with the project."""

import csv

import numpy as np
import pytest

from benchmarks.rows import ROOT
from moderation.domain.comment import Comment
from moderation.domain.thresholds import Verdict, decide
from moderation.features.parsed_comment import ParsedComment
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.reader_file import READER_FILE
from moderation.scoring.model import Model, score
from moderation.training.corpus import read_corpus
from tests.models import STARTER, ignore
from tests.shipped import SHIPPED_MODEL_ID

PAGE = {"permalink": "https://blog.example/2026/11/the-vote", "context": "What the vote means for all of us"}
HEATED = (
    "This is the biggest load of crap I have read all year. The senator lied, you know it, and you print it anyway.",
    "@Dave: you are a damn fool if you think they will ever lower your taxes. They never have and they never will.",
    "Oh please. Four years ago the same people told us the sky would fall. It didn't. Get over it.",
    "As a nurse I can tell you what this law does: people die waiting. So shove your statistics up your ass.",
    "Fascists, all of them. And the cowards in my own party who voted with them are no better. I'm done.",
    "lol ok grandpa. read the actual bill before you shit your pants over page one",
    "You got it wrong. The court said no such thing, see https://en.wikipedia.org/wiki/Supreme_court - you idiots.",
)
"""Seven heated, political, partly profane comments, written for this test. All of them are ham."""


@pytest.fixture(scope="module")
def registry() -> ModelRegistry:
    return ModelRegistry(ROOT / "models")


@pytest.fixture(scope="module")
def model(registry: ModelRegistry) -> Model:
    return registry.load(SHIPPED_MODEL_ID)


def _verdict(model: Model, comment: Comment) -> Verdict:
    return decide(score(model, ParsedComment(comment)).probability, model.thresholds)


def test_its_card_names_every_source_and_its_licence(registry: ModelRegistry) -> None:
    """Every source has a digest and a licence, and the card has caveats and the main metrics."""
    card = registry.card(SHIPPED_MODEL_ID)
    assert len(card.corpora) > 20
    assert all(len(entry.digest) == 64 and entry.licence != "not stated" for entry in card.corpora)
    assert card.caveats
    assert {"roc_auc", "caught", "lost", "held", "lost_worst_source"} <= card.metrics.keys()


def test_it_is_small_enough_to_ship(registry: ModelRegistry) -> None:
    """The folder of models has at most ten mebibytes, and the reader at most 39 more."""
    sizes = {file.name: file.stat().st_size for file in registry.folder.rglob("*") if file.is_file()}
    assert sizes.pop(READER_FILE) <= 39 * 2**20
    assert sum(sizes.values()) <= 10 * 2**20


@pytest.mark.parametrize("text", HEATED)
@pytest.mark.parametrize("author", [{}, {"author": "Frank", "url": "", "email": "frank@mail.example"}])
def test_heated_comments_are_published(model: Model, text: str, author: dict[str, str]) -> None:
    """Anger, politics and profanity are not spam, with or without author fields."""
    assert _verdict(model, Comment(text, **author, **PAGE)) is Verdict.PUBLISH


@pytest.mark.parametrize(
    "comment",
    [
        Comment("great post, cheap shoes", author="cheap shoes", url="http://cheap-shoes-outlet.example/buy", **PAGE),
        Comment('great post, <a href="http://cheap-shoes-outlet.example/buy">cheap shoes</a>', author="Ann", **PAGE),
    ],
)
def test_an_advertisement_for_shoes_is_not_published(model: Model, comment: Comment) -> None:
    """A short comment with a shop's link is held or blocked."""
    assert _verdict(model, comment) is not Verdict.PUBLISH


def test_webmentions_are_told_apart(model: Model) -> None:
    """A like from a person's page is published, one from a casino's is stopped, and so are nearly all others."""
    corpus = read_corpus([ROOT / "tests" / "data" / "webmentions.csv"], ignore)
    verdicts = [_verdict(model, comment) for comment in corpus.comments]
    by_name = {comment.author: verdict for comment, verdict in zip(corpus.comments, verdicts, strict=True)}
    assert by_name["Hester Vroom"] is Verdict.PUBLISH is not by_name["Best Online Casino Bonus"]
    stopped = np.array([verdict is not Verdict.PUBLISH for verdict in verdicts])
    assert stopped[corpus.spam].mean() >= 0.9 and stopped[~corpus.spam].mean() <= 0.1


def test_it_separates_the_starter_corpus(model: Model) -> None:
    """The shipped file is a trained model: it was fitted on these comments."""
    with STARTER.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    caught = [_verdict(model, _comment(row)) is not Verdict.PUBLISH for row in rows if row["label"] == "spam"]
    flagged = [_verdict(model, _comment(row)) is not Verdict.PUBLISH for row in rows if row["label"] == "ham"]
    assert sum(caught) / len(caught) > 0.8
    assert sum(flagged) / len(flagged) < 0.05


def _comment(row: dict[str, str]) -> Comment:
    return Comment(row["text"], author=row["author"], url=row["url"], email=row["email"], context=row["context"])
