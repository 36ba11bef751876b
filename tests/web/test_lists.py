"""A list of the operator counts for each channel from the next request on."""

from dataclasses import replace

from moderation.actions.lists import ListRequest, parse_lines, plan_change, remove_list, save_change
from moderation.actions.sites import find_site
from moderation.domain.thresholds import Thresholds
from moderation.storage.engine import open_engine
from moderation.storage.list_cache import ListCache
from tests.web.conftest import Blog

TEXT = "The soup of the zanzibar kitchen was lovely."


def test_every_channel_meets_a_change(blog: Blog) -> None:
    """The site is remembered by its key, and its version tells that a list has changed."""
    blog.set_thresholds(Thresholds(review=0.5, spam=0.9, discard=1.0))
    assert blog.score(TEXT)["verdict"] == "publish"
    assert blog.akismet("comment-check", comment_content=f"Again: {TEXT}").text == "false"
    request = ListRequest("ours", parse_lines(["zanzibar"]).entries, weight=20.0)
    save_change(blog.services, request, plan_change(blog.services, request))
    scored = blog.score(f"{TEXT} Really!")
    assert scored["verdict"] == "spam" and scored["reasons"][0]["code"] == "LISTED"
    assert blog.akismet("comment-check", comment_content=f"And again: {TEXT}").text == "true"
    (entry,) = blog.call("POST", "/v1/score/batch", {"comments": [{"text": TEXT}]}).get_json()["decisions"]
    assert entry["verdict"] == "spam"
    remove_list(blog.services, "ours")
    assert blog.score(f"{TEXT} Really?")["verdict"] == "publish"


def test_lists_without_a_database_are_as_they_were(blog: Blog) -> None:
    """An outage between two versions leaves the entries in force that the process knows, and no error."""
    request = ListRequest("ours", parse_lines(["zanzibar"]).entries)
    save_change(blog.services, request, plan_change(blog.services, request))
    assert blog.score(TEXT)["reasons"][0]["code"] == "LISTED"
    site = find_site(blog.services, blog.site.url)
    known = blog.services.list_cache.find(site)
    lost = open_engine("sqlite:////nonexistent/moderation.db", 0.1)
    blog.services.list_cache._engine = lost  # as a test cannot take the database from one part only
    assert blog.services.list_cache.find(replace(site, lists_version="another")) == known
    assert ListCache(lost).find(site) == []
