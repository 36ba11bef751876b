"""Sites authenticate by key, and neither keys nor their settings leak between sites."""

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.actions.labelling import export_labels, label_comment
from moderation.actions.services import Services
from moderation.actions.sites import (
    add_site,
    authenticate_site,
    bootstrap,
    find_site,
    list_sites,
    remove_site,
    rotate_key,
    set_thresholds,
)
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.errors import AuthenticationFailed, Conflict, InvalidInput, NotFound
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from moderation.settings import Settings
from moderation.wiring import open_services

URL = "https://blog.example"
KEY = "0123456789ab"
THRESHOLDS = Thresholds(0.2, 0.8, 0.95)


def test_a_key_authenticates_its_site(services: Services, other_site: Site) -> None:
    """A key is 12 lower-case hex digits and authenticates the site it was made for, in any case."""
    site, key = add_site(services, URL, None)
    assert re.fullmatch(r"[0-9a-f]{12}", key)
    assert authenticate_site(services, key) == authenticate_site(services, key.upper()) == site != other_site


def test_a_long_address_is_refused(services: Services) -> None:
    """Also at the first start; the longest possible one is found and removed like any other."""
    longest = f"{URL}/{'a' * 479}"
    for add in (add_site, lambda services, url: bootstrap(services, url, "mara", "correct horse")):
        with pytest.raises(InvalidInput, match="at most 500 characters; this one has 501"):
            add(services, f"{longest}a")
    add_site(services, f"{longest}/")
    remove_site(services, longest)


def test_a_site_may_keep_an_existing_key(services: Services) -> None:
    """A configured blog keeps its key, which is stored in lower case."""
    site, key = add_site(services, URL, "0123456789AB")
    assert key == KEY
    assert authenticate_site(services, KEY) == site


@pytest.mark.parametrize("key", ["", "0123456789a", "0123456789abc", "0123456789ag", "0123456789a\n", "０123456789ab"])
def test_other_texts_are_no_keys(services: Services, site: Site, key: str) -> None:
    """Only 12 hex digits are a key: other texts are refused for a new site and authenticate none."""
    with pytest.raises(InvalidInput, match="12 hexadecimal digits"):
        add_site(services, "https://another.example", key)
    with pytest.raises(AuthenticationFailed):
        authenticate_site(services, key)
    assert list_sites(services) == [site]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(st.characters(), max_size=20))
def test_any_text_as_a_key_is_refused(services: Services, key: str) -> None:
    """Hostile text in place of a key raises the same error as an unknown key."""
    with pytest.raises(AuthenticationFailed):
        authenticate_site(services, key)


@pytest.mark.sqlite("it reads the database file")
def test_no_key_is_stored(services: Services, settings: Settings) -> None:
    """The database files hold digests under the secret and four characters as a prefix, never a key."""
    _, existing = add_site(services, URL, KEY)
    generated = rotate_key(services, URL)
    stored = b"".join(file.read_bytes() for file in settings.var.glob("moderation.db*"))
    assert existing.encode() not in stored
    assert generated.encode() not in stored
    other_secret = replace(services, secret=b"x" * 32)
    with pytest.raises(AuthenticationFailed):
        authenticate_site(other_secret, generated)


def test_two_keys_are_active_at_once(services: Services) -> None:
    """A blog can change its key without a gap; the third oldest key stops working."""
    site, first = add_site(services, URL, None)
    second = rotate_key(services, URL)
    assert authenticate_site(services, first) == authenticate_site(services, second) == site
    third = rotate_key(services, URL)
    assert authenticate_site(services, second) == authenticate_site(services, third) == site
    with pytest.raises(AuthenticationFailed):
        authenticate_site(services, first)


def test_other_processes_see_a_change_at_once(services: Services, settings: Settings) -> None:
    """Workers share only the database: a change in one applies to the next request of another."""
    other = open_services(settings)
    _, first = add_site(services, URL, None)
    assert authenticate_site(other, first).thresholds is None
    set_thresholds(services, URL, THRESHOLDS)
    assert authenticate_site(other, first).thresholds == THRESHOLDS
    remove_site(services, URL)
    with pytest.raises(AuthenticationFailed):
        authenticate_site(other, first)
    other.engine.dispose()


def test_a_removed_site_keeps_its_rows(services: Services) -> None:
    """Removing a site retires its keys at once and keeps its labels."""
    site, first = add_site(services, URL, None)
    second = rotate_key(services, URL)
    label_comment(services, site, Comment(text="Hi"), LabelValue.HAM, "a", "api")
    remove_site(services, URL)
    for key in (first, second):
        with pytest.raises(AuthenticationFailed):
            authenticate_site(services, key)
    assert list_sites(services) == []
    assert [row["text"] for row in export_labels(services, None)] == ["Hi"]
    with pytest.raises(NotFound):
        remove_site(services, URL)


def test_a_site_may_come_back_with_its_key(services: Services) -> None:
    """URL and key of a removed site are free again; the new site starts without history."""
    gone, _ = add_site(services, URL, KEY)
    remove_site(services, URL)
    again, _ = add_site(services, URL, KEY)
    assert again.id != gone.id
    assert authenticate_site(services, KEY) == again


def test_an_address_is_taken_once(services: Services, site: Site) -> None:
    """Two spellings of one URL are one site."""
    with pytest.raises(Conflict):
        add_site(services, "HTTPS://Blog.Example:443/", None)
    assert list_sites(services) == [site]


def test_a_key_is_taken_once(services: Services) -> None:
    """A key belongs to one site; a refused site is not stored, and the error does not repeat the key."""
    add_site(services, URL, KEY)
    with pytest.raises(Conflict) as refused:
        add_site(services, "https://another.example", KEY)
    assert KEY not in str(refused.value)
    assert [site.url for site in list_sites(services)] == [URL]


def test_a_site_is_found_by_address(services: Services, site: Site) -> None:
    """A site is found by any spelling of its URL; an unknown URL raises `NotFound`."""
    assert find_site(services, "https://BLOG.example/") == site
    for action in (find_site, rotate_key, remove_site):
        with pytest.raises(NotFound):
            action(services, "https://nobody.example")


def test_a_site_sets_and_deletes_its_thresholds(services: Services, site: Site) -> None:
    """Own thresholds stay with the site until they are deleted."""
    assert set_thresholds(services, URL, THRESHOLDS) == replace(site, thresholds=THRESHOLDS) == find_site(services, URL)
    assert set_thresholds(services, URL, None) == site
    with pytest.raises(NotFound):
        set_thresholds(services, "https://nobody.example", THRESHOLDS)
