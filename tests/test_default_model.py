"""The model that ships."""

import csv

import pytest

from moderation.domain.comment import Comment
from moderation.domain.policy import Verdict, decide
from moderation.registry.shelf import Shelf
from moderation.scoring.model import Model, score
from tests.benchmarks.rows import ROOT
from tests.models import STARTER
from tests.shipped import SHIPPED

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
"""Seven heated, political, partly profane comments, written for this test; every one of them is legitimate."""


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return Shelf(ROOT / "models")


@pytest.fixture(scope="module")
def model(shelf: Shelf) -> Model:
    return shelf.load(SHIPPED)


def _verdict(model: Model, comment: Comment) -> Verdict:
    return decide(score(model, comment).probability, model.lines)


def test_its_card_says_what_it_learnt_from(shelf: Shelf) -> None:
    """Every corpus has a digest and its terms, and the card says what the model is not for."""
    card = shelf.card(SHIPPED)
    assert len(card.corpora) > 20
    assert all(len(entry.digest) == 64 and entry.licence != "not stated" for entry in card.corpora)
    assert card.caveats
    assert {"roc_auc", "caught", "lost", "held", "lost_worst_source"} <= card.metrics.keys()


def test_it_is_small_enough_to_ship(shelf: Shelf) -> None:
    """The folder of models stays under ten megabytes."""
    assert sum(file.stat().st_size for file in shelf.folder.rglob("*") if file.is_file()) <= 10 * 2**20


@pytest.mark.parametrize("text", HEATED)
@pytest.mark.parametrize("known", [{}, {"author": "Frank", "url": "", "email": "frank@mail.example"}])
def test_heated_comments_are_published(model: Model, text: str, known: dict[str, str]) -> None:
    """Anger, politics and profanity are not spam, whatever the blog tells us of the author."""
    assert _verdict(model, Comment(text, **known, **PAGE)) is Verdict.PUBLISH


@pytest.mark.parametrize(
    "comment",
    [
        Comment("great post, cheap shoes", author="cheap shoes", url="http://cheap-shoes-outlet.example/buy", **PAGE),
        Comment('great post, <a href="http://cheap-shoes-outlet.example/buy">cheap shoes</a>', author="Ann", **PAGE),
    ],
)
def test_the_shoe_seller_under_them_is_not(model: Model, comment: Comment) -> None:
    """The advertisement under the seven is kept off the page."""
    assert _verdict(model, comment) is not Verdict.PUBLISH


def test_it_knows_the_starter_corpus(model: Model) -> None:
    """A plain check that the shipped file is a trained model: it has learnt from these comments."""
    with STARTER.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    caught = [_verdict(model, _comment(row)) is not Verdict.PUBLISH for row in rows if row["label"] == "spam"]
    flagged = [_verdict(model, _comment(row)) is not Verdict.PUBLISH for row in rows if row["label"] == "ham"]
    assert sum(caught) / len(caught) > 0.8
    assert sum(flagged) / len(flagged) < 0.05


def _comment(row: dict[str, str]) -> Comment:
    return Comment(row["text"], author=row["author"], url=row["url"], email=row["email"], context=row["context"])
