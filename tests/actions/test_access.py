"""Sites come in by key, moderators by password, and neither secret is kept."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.actions.access import (
    add_moderator,
    add_site,
    find_moderator,
    find_site,
    list_moderators,
    list_sites,
    remove_moderator,
    remove_site,
    reset_password,
    rotate_key,
    set_policy,
    sign_in,
    site_of_key,
)
from moderation.actions.desk import Desk
from moderation.actions.teach import export_labels, label_comment
from moderation.assembly import open_desk
from moderation.domain.comment import Comment
from moderation.domain.errors import Conflict, InputRefused, NotFound, NotSignedIn
from moderation.domain.judgement import LabelValue
from moderation.domain.policy import Policy
from moderation.domain.site import Moderator, Site
from moderation.settings import Settings
from tests.conftest import PASSWORD

URL = "https://blog.example"
KEY = "0123456789ab"
LINES = Policy(0.2, 0.8, 0.95)


def test_a_key_opens_its_site(desk: Desk, teammate_site: Site) -> None:
    """A key is 12 lower-case hex digits, and opens the site it was made for, in whatever case it is sent."""
    site, key = add_site(desk, URL, None)
    assert re.fullmatch(r"[0-9a-f]{12}", key)
    assert site_of_key(desk, key) == site_of_key(desk, key.upper()) == site != teammate_site


def test_a_site_may_bring_its_key(desk: Desk) -> None:
    """A blog that is configured already keeps its key; it is kept in lower case."""
    site, key = add_site(desk, URL, "0123456789AB")
    assert key == KEY
    assert site_of_key(desk, KEY) == site


@pytest.mark.parametrize("key", ["", "0123456789a", "0123456789abc", "0123456789ag", "0123456789a\n", "０123456789ab"])
def test_what_is_no_key(desk: Desk, site: Site, key: str) -> None:
    """Only 12 hex digits are a key: nothing else is taken for a site, and nothing else opens one."""
    with pytest.raises(InputRefused, match="12 hexadecimal digits"):
        add_site(desk, "https://another.example", key)
    with pytest.raises(NotSignedIn):
        site_of_key(desk, key)
    assert list_sites(desk) == [site]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(st.characters(), max_size=20))
def test_any_text_as_a_key_is_answered(desk: Desk, key: str) -> None:
    """Whatever a stranger sends as a key, the answer is no."""
    with pytest.raises(NotSignedIn):
        site_of_key(desk, key)


def test_no_key_is_kept(desk: Desk, settings: Settings) -> None:
    """The database's files hold digests under the secret and four characters as a hint: never a key."""
    _, brought = add_site(desk, URL, KEY)
    minted = rotate_key(desk, URL)
    stored = b"".join(file.read_bytes() for file in settings.var.glob("moderation.db*"))
    assert brought.encode() not in stored
    assert minted.encode() not in stored
    other_secret = replace(desk, secret=b"x" * 32)
    with pytest.raises(NotSignedIn):
        site_of_key(other_secret, minted)


def test_two_keys_live_at_once(desk: Desk) -> None:
    """A blog is moved to a new key without a gap; the third oldest stops working."""
    site, first = add_site(desk, URL, None)
    second = rotate_key(desk, URL)
    assert site_of_key(desk, first) == site_of_key(desk, second) == site
    third = rotate_key(desk, URL)
    assert site_of_key(desk, second) == site_of_key(desk, third) == site
    with pytest.raises(NotSignedIn):
        site_of_key(desk, first)


def test_other_processes_see_a_change_at_once(desk: Desk, settings: Settings) -> None:
    """Workers share nothing but the database: what one changes holds for the other's next request."""
    other = open_desk(settings)
    _, first = add_site(desk, URL, None)
    assert site_of_key(other, first).policy is None
    set_policy(desk, URL, LINES)
    assert site_of_key(other, first).policy == LINES
    remove_site(desk, URL)
    with pytest.raises(NotSignedIn):
        site_of_key(other, first)
    other.engine.dispose()


def test_a_removed_site_leaves_its_rows(desk: Desk) -> None:
    """Removing shuts the door at once; what was learnt stays."""
    site, first = add_site(desk, URL, None)
    second = rotate_key(desk, URL)
    label_comment(desk, site, Comment(text="Hi"), LabelValue.HAM, "a", "api")
    remove_site(desk, URL)
    for key in (first, second):
        with pytest.raises(NotSignedIn):
            site_of_key(desk, key)
    assert list_sites(desk) == []
    assert [row["text"] for row in export_labels(desk, None)] == ["Hi"]
    with pytest.raises(NotFound):
        remove_site(desk, URL)


def test_a_site_may_come_back_with_its_key(desk: Desk) -> None:
    """The address and the key of a removed site are free again; the newcomer starts afresh."""
    gone, _ = add_site(desk, URL, KEY)
    remove_site(desk, URL)
    back, _ = add_site(desk, URL, KEY)
    assert back.id != gone.id
    assert site_of_key(desk, KEY) == back


def test_an_address_is_taken_once(desk: Desk, site: Site) -> None:
    """Two ways of writing one address are one site."""
    with pytest.raises(Conflict):
        add_site(desk, "HTTPS://Blog.Example:443/", None)
    assert list_sites(desk) == [site]


def test_a_key_is_taken_once(desk: Desk) -> None:
    """A key names one site; a refused site is not half there, and the refusal does not repeat the key."""
    add_site(desk, URL, KEY)
    with pytest.raises(Conflict) as refused:
        add_site(desk, "https://another.example", KEY)
    assert KEY not in str(refused.value)
    assert [site.url for site in list_sites(desk)] == [URL]


def test_a_site_is_found_by_address(desk: Desk, site: Site) -> None:
    """However the address is written; an unknown one is not found."""
    assert find_site(desk, "https://BLOG.example/") == site
    for verb in (find_site, rotate_key, remove_site):
        with pytest.raises(NotFound):
            verb(desk, "https://nobody.example")


def test_a_site_draws_its_lines_and_drops_them(desk: Desk, site: Site) -> None:
    """Own lines are kept with the site until it goes back to the model's."""
    assert set_policy(desk, URL, LINES) == replace(site, policy=LINES) == find_site(desk, URL)
    assert set_policy(desk, URL, None) == site
    with pytest.raises(NotFound):
        set_policy(desk, "https://nobody.example", LINES)


def test_a_moderator_signs_in(desk: Desk, moderator: Moderator) -> None:
    """Name and password together open the queue; the moderator is found again by number."""
    assert sign_in(desk, "mara", PASSWORD) == moderator
    assert find_moderator(desk, moderator.id) == moderator
    assert list_moderators(desk) == [moderator]


@pytest.mark.parametrize(
    ("name", "password"),
    [("mara", "wrong"), ("nobody", PASSWORD), ("mara", ""), ("\x00", "\ud800"), ("Mara", PASSWORD)],
)
def test_a_stranger_hears_one_sentence(desk: Desk, moderator: Moderator, name: str, password: str) -> None:
    """A wrong password and an unknown name are not told apart."""
    with pytest.raises(NotSignedIn, match=r"^The name or the password is wrong\.$"):
        sign_in(desk, name, password)
    assert list_moderators(desk) == [moderator]


def test_no_password_is_kept(desk: Desk, moderator: Moderator, settings: Settings) -> None:
    """The database's files hold an argon2id hash, not the password."""
    stored = b"".join(file.read_bytes() for file in Path(settings.var).glob("moderation.db*"))
    assert PASSWORD.encode() not in stored
    assert b"$argon2id$" in stored


def test_a_password_can_be_reset(desk: Desk, moderator: Moderator) -> None:
    """The new one opens, the old one does not; any characters will do."""
    reset_password(desk, "mara", "\ud800 ein längeres\x00")
    assert sign_in(desk, "mara", "\ud800 ein längeres\x00").id == moderator.id
    with pytest.raises(NotSignedIn):
        sign_in(desk, "mara", PASSWORD)
    with pytest.raises(NotFound):
        reset_password(desk, "nobody", PASSWORD)


def test_a_short_password_is_refused(desk: Desk, moderator: Moderator) -> None:
    """Eight characters at least, when it is chosen and when it is changed."""
    with pytest.raises(InputRefused, match="at least 8"):
        add_moderator(desk, "ben", "sevench")
    with pytest.raises(InputRefused, match="at least 8"):
        reset_password(desk, "mara", "sevench")


@pytest.mark.parametrize("name", ["", " mara", "ma\nra", "x" * 101, "\u202emara", "\ud800"])
def test_a_name_that_could_mislead_is_refused(desk: Desk, name: str) -> None:
    """A name is shown to others beside decisions: no invisible characters, no spaces around it."""
    with pytest.raises(InputRefused, match="name"):
        add_moderator(desk, name, PASSWORD)


def test_a_name_is_taken_once(desk: Desk, moderator: Moderator) -> None:
    """The second of a name is refused, and the first keeps the password."""
    with pytest.raises(Conflict):
        add_moderator(desk, "mara", "another password")
    assert sign_in(desk, "mara", PASSWORD) == moderator


def test_a_removed_moderator_is_out_for_good(desk: Desk, moderator: Moderator) -> None:
    """Neither the password nor the number opens anything; the number goes to nobody else."""
    remove_moderator(desk, "mara")
    with pytest.raises(NotSignedIn):
        sign_in(desk, "mara", PASSWORD)
    again = add_moderator(desk, "mara", PASSWORD)
    assert again.id != moderator.id
    assert find_moderator(desk, moderator.id) is None
    with pytest.raises(NotFound):
        remove_moderator(desk, "nobody")
