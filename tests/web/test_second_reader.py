"""Each answer says whether the second reader was asked, and the metrics count it."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from moderation.actions.services import Services
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.reader_file import READER_FILE, reader_values
from moderation.scoring.second_reader import ReaderSkipped
from tests.models import small_arrays
from tests.reader.tiny import EVERYWHERE, tiny_values
from tests.registry.test_reader import card_with_reader
from tests.web.conftest import Blog, Browser
from tests.web.test_openapi import assert_conforms, document


@pytest.fixture
def services(services: Services, tmp_path: Path) -> Services:
    """Return services whose live model has a tiny reader that is asked about each comment."""
    registry = ModelRegistry(tmp_path / "read")
    registry.add(small_arrays(), card_with_reader(), reader_values(tiny_values(), EVERYWHERE))
    registry.promote("read")
    return replace(services, registry=registry, live_model=LiveModel(registry))


def skip(*_: object) -> float:
    raise ReaderSkipped("It is busy.")


def test_an_answer_says_whether_the_reader_was_asked(blog: Blog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model that it names is that of the score."""
    asked = blog.score("Thanks, this helped me.")
    assert_conforms(document(blog.client), "DecisionResponse", asked)
    assert (asked["reader"], asked["model"]) == ("asked", "read")
    assert "SECOND_READER" in [reason["code"] for reason in asked["reasons"]]
    model = blog.services.live_model.current()
    assert model.second_reader
    skipping = replace(model, second_reader=replace(model.second_reader, read_in_turn=skip))
    monkeypatch.setattr(blog.services.live_model, "_model", skipping)
    skipped = blog.score("Another comment.")
    assert (skipped["reader"], skipped["model"], skipped["degraded"]) == ("skipped", "small", False)
    assert [reason["detail"] for reason in skipped["reasons"] if reason["code"] == "READER_SKIPPED"] == ["It is busy."]
    assert blog.call("GET", f"/v1/decisions/{skipped['id']}").get_json()["reader"] == "skipped"
    metrics = blog.client.get("/metrics").text
    assert 'moderation_second_reader_total{state="asked"} 1.0' in metrics
    assert 'moderation_second_reader_total{state="skipped"} 1.0' in metrics
    assert "moderation_reading_seconds_count 1.0" in metrics


def test_a_broken_reader_is_named_where_an_operator_looks(blog: Blog, mara: Browser) -> None:
    """The service is ready, and answers by the model alone."""
    (blog.services.registry.folder / "read" / READER_FILE).write_bytes(b"broken")
    blog.services.registry.promote("read")
    blog.services.live_model._signature = None
    assert blog.score("Thanks, this helped me.")["model"] == "small"
    ready = blog.client.get("/readyz")
    check = ready.get_json()["checks"]["model"]
    assert ready.status_code == 200
    assert "differs from its card" in check["detail"]
    assert check["detail"] in mara.get(f"/queue/sites/{blog.site.id}").text


def test_the_extra_is_named(blog: Blog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is missing, a sentence says how to add it."""
    monkeypatch.setitem(sys.modules, "moderation.reader.language_model", None)
    blog.services.live_model._signature = None
    assert blog.score("Thanks, this helped me.")["model"] == "small"
    check = blog.client.get("/readyz").get_json()["checks"]["model"]
    assert check["detail"].endswith("pip install 'moderation[reader]'`.")
