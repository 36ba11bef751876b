"""The form about kept comments on the page of a site."""

import re

import pytest

from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.retention import Form
from tests.web.conftest import Blog, Browser

VALUES = {"publish_days": "", "review_days": "10", "spam_days": "3", "discard_days": "0", "text": "full"}
VALUES |= {"name": "digest", "email": "nothing", "url": "nothing", "contact": " Ada <script> "}


def submit(blog: Blog, browser: Browser, **changes: str) -> str:
    browser.send(f"/queue/sites/{blog.site.id}/retention", **{**VALUES, **changes})
    return re.sub(r"\s+", " ", browser.read(f"/queue/sites/{blog.site.id}"))


def test_an_owner_sets_what_is_kept(blog: Blog, mara: Browser, services: Services) -> None:
    """Empty days are for good, and the form shows what is stored, escaped."""
    shown = submit(blog, mara)
    kept = find_site(services, blog.site.url).retention
    assert kept.days == (None, 10, 3, 0) and kept.forms == (Form.FULL, Form.DIGEST, Form.NOTHING, Form.NOTHING)
    assert kept.contact == "Ada <script>" and 'value="Ada &lt;script&gt;"' in shown
    assert 'name="spam_days" type="number" min="0" max="3650" value="3"' in shown and "<option selected>full" in shown


@pytest.mark.parametrize(
    "wrong", [{"spam_days": "-1"}, {"spam_days": "9999"}, {"text": "half"}, {"contact": "a" * 300}]
)
def test_wrong_values_change_nothing(blog: Blog, mara: Browser, services: Services, wrong: dict[str, str]) -> None:
    """The page says why."""
    before = find_site(services, blog.site.url).retention
    assert "Nothing changed: " in submit(blog, mara, **wrong)
    assert find_site(services, blog.site.url).retention == before
