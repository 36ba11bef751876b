"""An opinion of another model is a chip on a held comment, and a field of the decision in the API; nothing else."""

import re
from collections.abc import Iterator
from dataclasses import replace
from threading import Event

import pytest

from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.opinions import Asking, Outcome
from moderation.actions.services import Services
from moderation.actions.sites import authenticate_site
from moderation.domain.audit import AuditDraw
from moderation.domain.comment import Comment
from moderation.web.api.openapi import document
from moderation.web.requests import state_of
from tests.model_server import HAM, ModelServer, answering
from tests.queue_lists import held_items
from tests.web.conftest import HOLD_ALL, KEY, PUBLISH_ALL, Blog, Browser

LABEL = "Opinion of another model, which decides nothing"
CHIP = re.compile(rf'<ul class="chips" aria-label="{LABEL}"><li>(.*?)</li></ul>\n')
HOSTILE_NAME = "<script>alert(1)</script>\u202e" + "m" * 500


@pytest.fixture(autouse=True)
def everything_is_held(blog: Blog) -> None:
    blog.set_thresholds(HOLD_ALL)


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with answering() as server:
        yield server


def ask(services: Services, model: ModelServer, name: str = "llama3.1") -> None:
    Asking(services, model.adviser(model=name), lambda *_: None)(Event())


def without_token(page: str) -> str:
    return re.sub(r'(name="csrf_token" value|data-token)="[^"]+"', "", page)


def test_a_held_comment_has_a_chip(mara: Browser, blog: Blog, model: ModelServer) -> None:
    """In the list, in a search and on its own page; the rest of each page is the same as without it."""
    decision = blog.score("Order cheap casino bonus at http://casino.example now", author="Ann")
    paths = ("/queue", "/queue?q=casino", f"/queue/comments/{decision['id']}")
    before = [without_token(mara.get(path).text) for path in paths]
    assert not any(map(CHIP.search, before))
    ask(blog.services, model)
    after = [without_token(mara.get(path).text) for path in paths]
    assert [CHIP.findall(page) for page in after] == [["<bdi>llama3.1</bdi>: spam, 92 %"]] * 3
    assert [CHIP.sub("", page) for page in after] == before


def test_ham_is_called_not_spam(mara: Browser, blog: Blog, model: ModelServer) -> None:
    """The words and figures are ours, and the name of the model is hostile text of bounded length."""
    blog.score("Hello")
    model.content = HAM
    ask(blog.services, model, HOSTILE_NAME)
    (chip,) = CHIP.findall(mara.get("/queue").text)
    assert chip == "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;…</bdi>: not spam, 80 %"


def test_a_decided_comment_has_no_chip(mara: Browser, blog: Blog, model: ModelServer) -> None:
    """It is there again if the decision is undone."""
    blog.score("Hello")
    ask(blog.services, model)
    (item,) = held_items(blog.services)
    mara.send("/queue/act", id=str(item.seen), verb="spam")
    own = f"/queue/comments/{item.id}"
    assert not CHIP.search(mara.get("/queue/decided").text) and not CHIP.search(mara.get(own).text)
    mara.send("/queue/act", id=item.id, verb="forget")
    assert CHIP.search(mara.get(own).text)


def test_an_audit_item_has_no_chip(mara: Browser, blog: Blog, model: ModelServer) -> None:
    """Also if the comment was held before: a person who sees it would repeat it."""
    blog.score("Hello", author="Ann")
    ask(blog.services, model)
    blog.set_thresholds(PUBLISH_ALL)
    site = authenticate_site(blog.services, KEY)
    drawing = replace(blog.services, audit=AuditDraw(blog.services.secret, 1.0))
    check_comment(drawing, site, CheckRequest(Comment("Hello", author="Ann"), recheck=True))
    (item,) = held_items(blog.services)
    assert item.is_audit and item.opinion is not None
    assert not CHIP.search(mara.get("/queue").text)


def test_the_decision_has_the_opinion(blog: Blog, model: ModelServer) -> None:
    """Null before, and the rest of the answer is the same after."""
    place = f"/v1/decisions/{blog.score('Hello')['id']}"
    before = blog.call("GET", place).get_json()
    assert before["opinion"] is None
    ask(blog.services, model)
    expected = {"model": "llama3.1", "is_spam": True, "confidence": 0.92}
    assert blog.call("GET", place).get_json() == before | {"opinion": expected}
    schemas = document()["components"]["schemas"]
    assert set(schemas["OpinionResponse"]["properties"]) == set(expected)
    assert "opinion" in schemas["StoredDecisionResponse"]["properties"]


def test_without_a_model_nothing_is_asked(services: Services) -> None:
    """The default."""
    assert services.adviser is None


def test_the_metrics_count_questions(blog: Blog) -> None:
    """By outcome, with their seconds."""
    count = state_of(blog.client.application).metrics.count_question
    count(Outcome.ANSWERED, 2.0)
    count(Outcome.FAILED, 20.0)
    metrics = blog.client.get("/metrics").text
    assert 'moderation_adviser_seconds_count{outcome="answered"} 1.0' in metrics
    assert 'moderation_adviser_seconds_sum{outcome="failed"} 20.0' in metrics
