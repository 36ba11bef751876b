"""Attacks on the queue by people who are signed in: other sites' comments, and acts beyond their role."""

import re
from dataclasses import dataclass, replace

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from moderation.actions import moderating, moderators
from moderation.actions.feeds import create_feed
from moderation.actions.moderators import add_moderator, remove_moderator
from moderation.actions.review import count_lists, list_comments, read_comment
from moderation.actions.roles import grant_role, revoke_roles
from moderation.actions.second_look import store_findings
from moderation.actions.services import Services
from moderation.actions.sites import add_site, remove_site, set_thresholds
from moderation.actions.undo import list_acts
from moderation.domain.alarms import AlarmKind
from moderation.domain.decision import LabelValue, Moderator
from moderation.domain.people import Grant, Role, SiteScope
from moderation.domain.queue import Finding, ListName, Verb
from moderation.domain.site import Site
from moderation.storage import alarms, sites
from moderation.storage.engine import write_transaction
from moderation.web.queue.permissions import NEEDED, NEEDED_ON_ALL_SITES, WITHOUT_PERMISSION
from tests.conftest import PASSWORD, Clock
from tests.queue_lists import decide, held_items
from tests.web.conftest import HOLD_ALL, KEY, PUBLISH_ALL, SPAM_ALL, Blog, Browser

FOREIGN = "https://foreign.example"
FOREIGN_KEY = "ffffffffffff"
SECRET = "zanzibar"
"""A word of the foreign site's comments, authors and problems."""
UNKNOWN = "0" * 32
READING = {"held", "held_by_name", "blocked", "public", "decided", "second-look", "comment", "add_view", "delete_view"}
DECIDING = {"act", "undo", "acts", "write_note", "open_comment", "agreement"}
OVERSEEING = {"sites", "site", "log", "export_log"}
WITHOUT_ROLE = {"sign_in", "account"}
WITHOUT_PROVIDER = {"begin_oidc", "finish_oidc"}
ALLOWED = {
    Role.READER: READING,
    Role.MODERATOR: READING | DECIDING,
    Role.OPERATOR: READING | DECIDING | OVERSEEING,
    Role.OWNER: READING | DECIDING | OVERSEEING | {"set_retention"},
}
"""The pages that each role may ask for, beside signing in and out."""


@dataclass(frozen=True)
class Foreign:
    """A site of other people, with a comment in each list."""

    site: Site
    comments: dict[ListName, str]
    act_id: int


@pytest.fixture
def foreign(blog: Blog, services: Services, moderator: Moderator, clock: Clock) -> Foreign:
    """Both sites have a comment in each list; the foreign one has an alarm, and a blog that cannot hold."""
    site = add_site(services, FOREIGN, FOREIGN_KEY)[0]
    for number, thresholds in enumerate((HOLD_ALL, PUBLISH_ALL, SPAM_ALL, HOLD_ALL)):
        for url, key, word in ((FOREIGN, FOREIGN_KEY, SECRET), (blog.site.url, KEY, "ordinary")):
            set_thresholds(services, url, thresholds)
            sent = {"text": f"{word} number {number}", "author": word, "author_id": word}
            blog.call("POST", "/v1/score", sent, headers={"Authorization": f"Bearer {key}"})
        if not number:
            for comment in list_comments(services, ListName.HELD).comments:
                assert decide(services, comment, Verb.REMOVE, moderator) == []
    for comment in list_comments(services, ListName.DECIDED).comments:
        on_site = replace(site, id=comment.decision.site_id)
        assert store_findings(services, on_site, [Finding(comment.comment_id, comment.label_id, 0.5)]) == 1
    with write_transaction(services.engine) as connection:
        alarms.put(connection, site.id, {AlarmKind.WORDS: f"New: {SECRET}."}, clock.now)
        rejected = replace(site.plugin, rejected_origin=f"https://{SECRET}.example")
        sites.set_plugin(connection, site.id, rejected, "")
    theirs = replace(services, scope=SiteScope(frozenset({site.id})))
    comments = {}
    for name in ListName:
        (comment,) = list_comments(theirs, name).comments
        comments[name] = comment.id
    (act,) = list_acts(theirs)
    return Foreign(site, comments, act.id)


@pytest.fixture(params=list(Role))
def role(request: pytest.FixtureRequest) -> Role:
    return Role(request.param)


def person(app: Flask, services: Services, *grants: Grant, name: str = "Eve") -> Browser:
    """Return the browser of a person with these roles, signed in."""
    add_moderator(services, name, PASSWORD, grants[0])
    for grant in grants[1:]:
        grant_role(services, name, grant, "cli")
    browser = Browser(app.test_client())
    assert browser.sign_in(name).status_code == 303
    return browser


@pytest.fixture
def eve(app: Flask, blog: Blog, services: Services, foreign: Foreign, role: Role) -> Browser:
    """Eve has a role on our blog, and none on the foreign site."""
    return person(app, services, Grant(role, blog.site.id))


def paths(app: Flask, method: str, decision_id: str, site_id: int) -> dict[str, str]:
    """Return the paths of all pages of the queue that take a method, by endpoint."""
    adapter = app.url_map.bind("localhost")
    values = {"decision_id": decision_id, "site_id": site_id, "key": "1"}
    return {
        rule.endpoint.removeprefix("queue."): adapter.build(
            rule.endpoint, {name: values[name] for name in rule.arguments - (rule.defaults or {}).keys()}
        )
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("queue.") and method in (rule.methods or ())
    }


def state(services: Services, foreign: Foreign) -> list[object]:
    """Return all that an act could change on the foreign comments."""
    theirs = [read_comment(services, decision_id).comment for decision_id in foreign.comments.values()]
    return [(comment.label, comment.item, comment.callback, comment.finding) for comment in theirs]


def act(browser: Browser, decision_id: str, verb: str) -> tuple[int, str]:
    """Return the answer to an act, and the page that follows, without the id and the token that differ."""
    response = browser.client.post(
        "/queue/act", data={"csrf_token": browser.token(), "id": decision_id, "verb": verb}, follow_redirects=True
    )
    return response.status_code, re.sub(
        rf'{decision_id}|(value|data-token)="[^"]*"|request <code>\w+', "", response.text
    )


def test_every_page_names_its_permission(app: Flask) -> None:
    """A page that is left out is refused to all but owners of all sites."""
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("queue.")}
    assert endpoints == NEEDED.keys() | NEEDED_ON_ALL_SITES.keys() | WITHOUT_PERMISSION


def test_no_page_shows_a_foreign_site(app: Flask, eve: Browser, foreign: Foreign, role: Role) -> None:
    """Each page with a foreign id is answered as with an unknown one; other pages do not name the site or its words."""
    unknown = paths(app, "GET", UNKNOWN, 2**31 - 1)
    for decision_id in foreign.comments.values():
        for endpoint, path in paths(app, "GET", decision_id, foreign.site.id).items():
            page = eve.get(path)
            assert SECRET not in page.text and FOREIGN not in page.text, endpoint
            if path != unknown[endpoint]:
                asked_for = 404 if endpoint in ALLOWED[role] else 403
                assert page.status_code == eve.get(unknown[endpoint]).status_code == asked_for


def test_the_counts_are_those_of_ones_own_sites(eve: Browser, services: Services, foreign: Foreign) -> None:
    """Two in each list, one of them foreign."""
    assert set(count_lists(services).values()) == {2}
    for name in ListName:
        page = eve.get(f"/queue/{name}").text
        counted = re.findall(r'<span class="quiet" data-live="[\w-]+">(\d+)</span></a>', page)
        assert page.count("<article") == 1 and counted == ["1"] * len(ListName)


def test_no_verb_reaches_a_foreign_comment(eve: Browser, services: Services, foreign: Foreign, role: Role) -> None:
    """The answer is that to an unknown id, word for word, and nothing changes."""
    before = state(services, foreign)
    for verb in Verb:
        unknown = act(eve, UNKNOWN, verb)
        assert unknown[0] == (200 if "act" in ALLOWED[role] else 403)
        for decision_id in foreign.comments.values():
            assert act(eve, decision_id, verb) == unknown
    assert state(services, foreign) == before


def test_a_foreign_act_is_not_undone(eve: Browser, services: Services, foreign: Foreign, role: Role) -> None:
    """The numbers of acts can be guessed. One on comments of both sites is foreign too."""
    mara = moderators.find_moderator(services, "mara")
    assert mara
    both = moderating.act(services, [each.seen for each in held_items(services)], Verb.SPAM, mara).act_id
    before = state(services, foreign)
    unknown = eve.send("/queue/undo", act="999")
    for act_id in (foreign.act_id, both):
        answer = eve.send("/queue/undo", act=str(act_id))
        assert answer.status_code == unknown.status_code == (303 if "undo" in ALLOWED[role] else 403)
        assert "Undone" not in eve.get("/queue").text
    assert state(services, foreign) == before
    acts = re.findall(r'name="act" value="(\d+)"', eve.get("/queue/acts").text)
    assert str(both) not in acts and len(acts) == (1 if "acts" in ALLOWED[role] else 0)


def test_a_decision_carried_through_the_sign_in_shows_no_foreign_comment(
    app: Flask, blog: Blog, services: Services, foreign: Foreign
) -> None:
    """The form of a session that has ended may name any comment, and another person may sign in."""
    browser = person(app, services, Grant(Role.OWNER, blog.site.id))
    form = {"csrf_token": browser.token(), "id": foreign.comments[ListName.HELD], "verb": "ham"}
    browser.send("/queue/sign-out")
    asked = browser.client.post("/queue/act", data=form)
    (carried,) = re.findall(r'name="carried" value="([^"]+)"', asked.text)
    pages = [asked.text, browser.sign_in("Eve", carried=carried).text]
    # Signed in again, with the token of the earlier session.
    pages.append(browser.client.post("/queue/act", data=form).text)
    assert 'name="verb"' in pages[1] and 'name="verb"' in pages[2]
    assert not any(SECRET in page for page in pages)


def test_a_place_in_a_foreign_list_is_unknown(eve: Browser, foreign: Foreign) -> None:
    """The time of a foreign decision cannot be found out by asking for the comments before it."""
    for name in (ListName.BLOCKED, ListName.PUBLIC):
        after = (UNKNOWN, foreign.comments[name])
        pages = [eve.read(f"/queue/{name}?after={place}").replace(place, "") for place in after]
        assert len({re.sub(r'(name="csrf_token" value|data-token)="[^"]*"', "", page) for page in pages}) == 1


def test_each_role_has_its_pages(app: Flask, eve: Browser, blog: Blog, services: Services, role: Role) -> None:
    """On its own site. The others are refused by 403, also if the form is sent without its button."""
    own = replace(services, scope=SiteScope(frozenset({blog.site.id})))
    (held,) = list_comments(own, ListName.HELD).comments
    answers: dict[str, TestResponse] = {}
    for endpoint, path in paths(app, "GET", held.id, blog.site.id).items():
        if endpoint not in WITHOUT_PROVIDER:
            answers[endpoint] = eve.get(path)
    for endpoint, path in paths(app, "POST", held.id, blog.site.id).items():
        if f"queue.{endpoint}" not in WITHOUT_PERMISSION:
            answers[endpoint] = eve.send(path, id=held.id, verb="ham", act="999", list="held", order="newest")
    refused = {endpoint for endpoint, answer in answers.items() if answer.status_code == 403}
    assert answers.keys() - refused - WITHOUT_ROLE == ALLOWED[role]
    assert all(answer.status_code < 400 for endpoint, answer in answers.items() if endpoint not in refused)
    label = read_comment(services, held.id).comment.label
    assert (label and label.value) == (LabelValue.HAM if "act" in ALLOWED[role] else None)


def test_buttons_and_links_are_those_of_the_role(eve: Browser, role: Role) -> None:
    """A reader sees no button that would be refused, and only an operator the link to the sites."""
    page = eve.get("/queue").text
    assert ('name="verb"' in page) == ("act" in ALLOWED[role])
    assert ('href="/queue/sites"' in page) == ("sites" in ALLOWED[role])


def test_a_reader_of_one_site_does_not_decide_there_by_a_role_on_another(
    app: Flask, blog: Blog, services: Services, foreign: Foreign
) -> None:
    """Buttons stand on the comments of the one site alone, and a forged form changes nothing."""
    browser = person(app, services, Grant(Role.READER, foreign.site.id), Grant(Role.MODERATOR, blog.site.id))
    page = browser.get("/queue").text
    assert page.count("<article") == 2 and page.count('class="button ham"') == 1
    before = state(services, foreign)
    for verb in Verb:
        act(browser, foreign.comments[ListName.HELD], verb)
    assert state(services, foreign) == before


def test_a_page_without_a_named_permission_is_for_owners_of_all_sites(
    app: Flask, blog: Blog, services: Services, mara: Browser, foreign: Foreign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that a later change adds may read without the scope, until someone has thought of it."""
    monkeypatch.delitem(NEEDED, "queue.decided")
    owner_of_one = person(app, services, Grant(Role.OWNER, blog.site.id))
    operator_of_all = person(app, services, Grant(Role.OPERATOR), name="Otto")
    found = [browser.get("/queue/decided").status_code for browser in (mara, owner_of_one, operator_of_all)]
    assert found == [200, 403, 403]


def test_campaigns_are_for_people_with_a_role_on_all_sites(
    app: Flask, services: Services, eve: Browser, role: Role
) -> None:
    """They reach over sites: a role on one is not enough, and to read is not to decide."""
    of_all = person(app, services, Grant(role), name="Otto")
    found = [of_all.get("/queue/campaigns").status_code, eve.get("/queue/campaigns").status_code]
    assert found == [200 if "act" in ALLOWED[role] else 403, 403]
    assert ("/queue/campaigns" in of_all.get("/queue").text) == ("act" in ALLOWED[role])
    assert "/queue/campaigns" not in eve.get("/queue").text


def test_a_feed_has_the_comments_of_ones_own_sites(
    app: Flask, blog: Blog, services: Services, foreign: Foreign
) -> None:
    """Its token opens no more than the queue does, and nothing without a role."""
    browser = person(app, services, Grant(Role.READER, blog.site.id))
    address = f"/feed.atom?token={create_feed(services, 'Eve')}"
    feed = browser.get(address).text
    assert "ordinary" in feed and SECRET not in feed
    revoke_roles(services, "Eve", None, "cli")
    assert "<entry>" not in browser.get(address).text


def test_a_role_on_a_removed_site_shows_nothing(app: Flask, services: Services, foreign: Foreign) -> None:
    """As for everybody: its comments are no longer in the queue."""
    browser = person(app, services, Grant(Role.OWNER, foreign.site.id))
    assert browser.get("/queue").text.count("<article") == 1
    remove_site(services, FOREIGN)
    assert "<article" not in browser.get("/queue").text
    assert browser.get(f"/queue/sites/{foreign.site.id}").status_code == 404


def test_a_changed_role_counts_at_the_next_request(app: Flask, blog: Blog, services: Services) -> None:
    """Without another sign-in."""
    browser = person(app, services, Grant(Role.OPERATOR))
    token = browser.token()
    grant_role(services, "Eve", Grant(Role.READER), "cli")
    assert browser.get("/queue").status_code == 200 and browser.get("/queue/sites").status_code == 403
    answer = browser.client.post("/queue/act", data={"csrf_token": token, "id": UNKNOWN, "verb": "ham"})
    assert answer.status_code == 403


@pytest.mark.parametrize("end", [remove_moderator, lambda services, name: revoke_roles(services, name, None, "cli")])
def test_the_sessions_of_a_removed_person_end(app: Flask, blog: Blog, services: Services, end: object) -> None:
    """At the next request, on every device: with the person, and with the last role."""
    first = person(app, services, Grant(Role.OWNER))
    second = Browser(app.test_client())
    assert second.sign_in("Eve").status_code == 303
    assert callable(end)
    end(services, "Eve")
    for browser in (first, second):
        answer = browser.get("/queue/sites")
        assert answer.status_code == 303 and "/queue/sign-in" in answer.headers["Location"]


def test_a_person_without_a_role_sees_nothing(app: Flask, blog: Blog, services: Services) -> None:
    """The password still signs in; the page says who can change it."""
    add_moderator(services, "Eve", PASSWORD)
    revoke_roles(services, "Eve", None, "cli")
    browser = Browser(app.test_client())
    assert browser.sign_in("Eve").status_code == 303
    answer = browser.get("/queue")
    assert answer.status_code == 403 and "moderation moderator grant" in answer.text
