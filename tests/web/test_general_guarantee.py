"""A decision under the general guarantee of the model states it, in each channel."""

from dataclasses import replace
from pathlib import Path

import pytest

from moderation.actions.services import Services
from moderation.registry.live_model import LiveModel
from tests.models import guaranteed_registry
from tests.web.conftest import Blog, Browser
from tests.web.test_openapi import assert_conforms, document


@pytest.fixture
def services(services: Services, tmp_path: Path) -> Services:
    """Return services whose live model has general guarantees."""
    registry = guaranteed_registry(tmp_path / "guaranteed")
    return replace(services, registry=registry, live_model=LiveModel(registry))


def test_a_response_has_the_general_guarantee(blog: Blog, mara: Browser) -> None:
    """With the counts behind it, also when it is read again; the sites page has the sentence."""
    answer = blog.score("Hello")
    assert_conforms(document(blog.client), "DecisionResponse", answer)
    calibration = answer["calibration"]
    assert (calibration["stage"], calibration["review"], calibration["would_be"]) == ("block", None, None)
    spam = calibration["general"]["spam"]
    assert (spam["coverage"], spam["sites"], spam["within"], spam["threshold"]) == (
        0.8, 20, 18, answer["thresholds"]["spam"],
    )  # fmt: skip
    sentence = "On at least 80 % of new sites like the 20 it was measured on, at most 0.5 % of ham is lost"
    assert calibration["protection"].startswith(sentence) and sentence in mara.get("/queue/sites").text
    assert blog.call("GET", f"/v1/decisions/{answer['id']}").get_json()["calibration"] == calibration
    batch = blog.call("POST", "/v1/score/batch", {"comments": [{"text": "Hello"}]}).get_json()
    assert batch["decisions"][0]["calibration"] == calibration
