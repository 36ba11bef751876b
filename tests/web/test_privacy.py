"""`/v1/privacy`: a token with the purpose admin shows and erases all that is stored about a person."""

import json

import pytest
from werkzeug.test import TestResponse

from moderation.actions.receipts import verify_receipt
from moderation.actions.services import Services
from moderation.actions.tokens import add_token
from moderation.domain.tokens import Purpose
from tests.web.conftest import BLOG, Blog

PERSON = {"by": "email", "value": "quux@ovens.example"}


@pytest.fixture
def admin(services: Services, blog: Blog) -> dict[str, str]:
    token = add_token(services, BLOG, "privacy", [Purpose.ADMIN], 1).text
    return {"Authorization": f"Bearer {token}"}


def ask(blog: Blog, path: str, headers: dict[str, str], body: object = PERSON) -> TestResponse:
    return blog.call("POST", f"/v1/privacy/{path}", body, headers=headers)


def test_a_person_is_exported_and_erased(blog: Blog, services: Services, admin: dict[str, str]) -> None:
    """The receipt is one that the command line verifies."""
    blog.score("Bread", email=PERSON["value"], author='Quux "<script>"')
    blog.score("Soup", email="ada@mill.example")
    exported = ask(blog, "export", admin)
    assert exported.content_type == "application/x-ndjson" and exported.headers["Cache-Control"] == "no-store"
    assert [json.loads(line)["text"] for line in exported.text.splitlines()] == ["Bread"]
    erased = ask(blog, "erasure", admin)
    assert erased.status_code == 200 and erased.get_json()["comments"] == 1
    assert verify_receipt(services, erased.data).site == BLOG and "quux" not in erased.text
    assert ask(blog, "export", admin).text == "" and ask(blog, "erasure", admin).get_json()["comments"] == 0


@pytest.mark.parametrize("path", ["export", "erasure"])
def test_a_key_and_other_tokens_are_refused(blog: Blog, services: Services, path: str) -> None:
    """Many programs at a blog can read its key."""
    others = add_token(services, BLOG, "all", [each for each in Purpose if each is not Purpose.ADMIN], 1).text
    assert ask(blog, path, {"Authorization": f"Bearer {others}"}).status_code == 403
    refused = ask(blog, path, {})
    assert refused.status_code == 403 and "--for admin" in refused.get_json(force=True)["detail"]
    assert ask(blog, path, {"Authorization": "Bearer 000000000000"}).status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"by": "email", "value": ""}, {"by": "phone", "value": "1"}, {"by": "name", "value": "   "}]
)
def test_bodies_without_a_person_are_refused(blog: Blog, admin: dict[str, str], body: dict[str, str]) -> None:
    """An empty name would be that of all comments without one."""
    assert ask(blog, "erasure", admin, body).status_code == 422
