"""Many processes do the same thing at once, on either database: each thing is stored once, and nothing fails."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier
from typing import TypeVar

import pytest
from sqlalchemy import func, select

from moderation.actions.check import CheckRequest, check_comment, check_comments
from moderation.actions.labelling import import_labels, label_comment, label_decision, withdraw_label
from moderation.actions.moderators import add_moderator, list_moderators
from moderation.actions.retries import IdempotencyKey
from moderation.actions.rollout import recalibrate
from moderation.actions.saved_views import MAX_VIEWS, list_views, save_view
from moderation.actions.services import Services
from moderation.actions.similarity import index_missing
from moderation.actions.sites import (
    add_site,
    authenticate_site,
    bootstrap,
    find_site,
    list_sites,
    rotate_key,
    set_type_thresholds,
)
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue, Moderator, Score
from moderation.domain.errors import AuthenticationFailed, Conflict, IdempotencyKeyReused
from moderation.domain.queue import ListedComment, ListName, Order, SavedView
from moderation.domain.site import Site
from moderation.domain.thresholds import Thresholds
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.model import score
from moderation.scoring.site_weights import LEARNT_HERE
from moderation.settings import Settings
from moderation.storage import tables
from moderation.storage.engine import open_engine, read_transaction
from moderation.storage.kept_connection import KeptConnection
from moderation.storage.site_weights_cache import SiteWeightsCache
from moderation.storage.writer import Writer
from moderation.wiring import open_services, prepare
from tests.conftest import PASSWORD, Clock
from tests.queue_lists import decide, held_items

THREADS = 8
ROUNDS = 30
HAM, SPAM = LabelValue.HAM, LabelValue.SPAM
T = TypeVar("T")


@pytest.fixture
def crowd(services: Services, settings: Settings) -> Iterator[list[Services]]:
    """Return the services of as many processes: each has its own connections and its own writer."""
    members = []
    for _ in range(THREADS):
        engine = open_engine(settings.database, 30.0)
        kept = KeptConnection(engine)
        cache = SiteWeightsCache(engine, kept)
        members.append(
            replace(services, engine=engine, writer=Writer(engine), kept_connection=kept, site_weights_cache=cache)
        )
    yield members
    for member in members:
        member.engine.dispose()


def at_once(crowd: list[Services], act: Callable[[Services, int], T]) -> list[T]:
    """Return the results of an action that all processes begin together. Raises the first error."""
    start = Barrier(len(crowd))

    def run(number: int) -> T:
        start.wait()
        return act(crowd[number], number)

    with ThreadPoolExecutor(len(crowd)) as pool:
        return list(pool.map(run, range(len(crowd))))


def count(services: Services, table: str, **equal: object) -> int:
    columns = tables.metadata.tables[table].c
    conditions = [columns[name] == value for name, value in equal.items()]
    with read_transaction(services.engine) as connection:
        statement = select(func.count()).select_from(tables.metadata.tables[table]).where(*conditions)
        return int(connection.execute(statement).scalar_one())


def outcome_of(action: Callable[[], object]) -> str:
    try:
        action()
    except Conflict:
        return "conflict"
    return "done"


def test_one_comment_is_labelled_by_all(crowd: list[Services], hold_all_site: Site) -> None:
    """Labels, their withdrawals and rechecks of one comment exclude each other; the log keeps what was acknowledged."""
    services, comment = crowd[0], Comment("Congratulations, your prize awaits.", author="Ann")
    decision = check_comment(services, hold_all_site, CheckRequest(comment)).decision

    def act(member: Services, number: int) -> None:
        if number == 0:
            check_comment(member, hold_all_site, CheckRequest(comment, recheck=True))
        elif number == 1:
            withdraw_label(member, hold_all_site, decision.id, "ben", "api")
        else:
            label_decision(member, hold_all_site, decision.id, (HAM, SPAM)[number % 2], f"p{number}", "api")

    for _ in range(ROUNDS):
        at_once(crowd, act)
    assert count(services, "comments") == 1
    assert count(services, "decisions", superseded=False) == 1
    assert count(services, "decisions") == 1 + ROUNDS
    last = label_decision(services, hold_all_site, decision.id, SPAM, "mara", "queue")
    assert last.value is SPAM
    with read_transaction(services.engine) as connection:
        values = connection.execute(select(tables.similarity_index.c.value)).scalars()
        assert set(values) == {"spam"}


def test_a_comment_that_many_describe_is_stored_once(crowd: list[Services], site: Site) -> None:
    """A report of spam or ham and a recheck of one comment find the same row, or one of them stores it."""

    def act(member: Services, number: int, turn: int) -> None:
        comment = Comment(f"Buy now, number {turn}", author="Ann")
        if number % 2:
            check_comment(member, site, CheckRequest(comment, recheck=True))
        else:
            label_comment(member, site, comment, SPAM, "the blog", "akismet")

    for turn in range(ROUNDS):
        at_once(crowd, partial(act, turn=turn))
    with read_transaction(crowd[0].engine) as connection:
        stored = Counter(connection.execute(select(tables.comments.c.text)).scalars())
    assert set(stored.values()) == {1} and len(stored) == ROUNDS
    assert count(crowd[0], "labels") == ROUNDS


def test_a_request_that_many_send_is_judged_once(crowd: list[Services], hold_all_site: Site) -> None:
    """All of them have one decision, with one comment and one queue item."""

    def act(member: Services, number: int, turn: int) -> str:
        return check_comment(
            member, hold_all_site, CheckRequest(Comment(f"Comment number {turn}"), identifiers=["7"])
        ).decision.id

    for turn in range(ROUNDS):
        assert len(set(at_once(crowd, partial(act, turn=turn)))) == 1
    assert {count(crowd[0], table) for table in ("comments", "decisions", "queue_items")} == {ROUNDS}


def test_a_key_that_many_send_names_one_request(crowd: list[Services], hold_all_site: Site) -> None:
    """One comment or batch is stored. Of two bodies with one key one is refused, by every process the same."""

    def check(member: Services, key: IdempotencyKey, batch: bool) -> str:
        comment = Comment(f"Comment of {key}")
        if batch:
            return " ".join(decision.id for decision in check_comments(member, hold_all_site, [comment] * 3, key=key))
        return check_comment(member, hold_all_site, CheckRequest(comment, key=key)).decision.id

    def act(member: Services, number: int, turn: int) -> str:
        key = IdempotencyKey(f"key {turn}", f"body {number % 2}")
        try:
            return check(member, key, batch=turn % 2 == 1)
        except IdempotencyKeyReused:
            return "refused"

    for turn in range(ROUNDS):
        answers = Counter(at_once(crowd, partial(act, turn=turn)))
        assert sorted(answers.values()) == [THREADS // 2] * 2 and "refused" in answers
    assert count(crowd[0], "decisions") == count(crowd[0], "comments") == 2 * ROUNDS


def test_one_moderator_is_the_first(crowd: list[Services], hold_all_site: Site, moderator: Moderator) -> None:
    """Of all who decide on one item one succeeds, and the others learn who was faster."""
    services = crowd[0]

    def act(member: Services, number: int, item: ListedComment) -> bool:
        return decide(member, item, (HAM, SPAM)[number % 2], moderator) == []

    for turn in range(ROUNDS):
        check_comment(services, hold_all_site, CheckRequest(Comment(f"Is number {turn} fine?")))
    for item in held_items(services):
        outcomes = at_once(crowd, partial(act, item=item))
        assert Counter(outcomes) == {True: 1, False: THREADS - 1}
    assert count(services, "labels") == count(services, "queue_items") == ROUNDS


def test_a_name_is_taken_once(crowd: list[Services]) -> None:
    """The address of a site, its key, and the name of a moderator: one succeeds, the others get a conflict."""

    def take_url(member: Services, number: int, turn: int) -> str:
        return outcome_of(lambda: add_site(member, f"https://blog{turn}.example"))

    def take_key(member: Services, number: int, turn: int) -> str:
        return outcome_of(lambda: add_site(member, f"https://blog{turn}.example/{number}", f"{turn:012x}"))

    def take_name(member: Services, number: int, turn: int) -> str:
        return outcome_of(lambda: add_moderator(member, f"mara{turn}", PASSWORD))

    for turn in range(ROUNDS):
        for act in (take_url, take_key, take_name):
            assert Counter(at_once(crowd, partial(act, turn=turn))) == {"done": 1, "conflict": THREADS - 1}


def test_a_view_is_saved_once(crowd: list[Services]) -> None:
    """Also by a double press, and none is one too many; the other presses get a conflict."""
    add_moderator(crowd[0], "mara", PASSWORD)
    moderator = list_moderators(crowd[0])[0]

    def save(member: Services, number: int, turn: int) -> str:
        name = f"view {number}" if turn == MAX_VIEWS - 1 else f"turn {turn}"
        view = SavedView(0, name, ListName.HELD, Order.NEWEST, "author:ann")
        return outcome_of(lambda: save_view(member, moderator, view))

    for turn in range(MAX_VIEWS):
        assert Counter(at_once(crowd, partial(save, turn=turn))) == {"done": 1, "conflict": THREADS - 1}
    assert len(list_views(crowd[0], moderator)) == MAX_VIEWS


def test_one_process_bootstraps(crowd: list[Services]) -> None:
    """Of all that prepare an empty database one shows a key and a password; the others show what exists."""
    made = at_once(crowd, lambda member, number: bootstrap(member, f"https://b{number}.example", "mara", PASSWORD))
    assert sum(credentials is not None for credentials in made) == 1
    assert len(list_sites(crowd[0])) == len(list_moderators(crowd[0])) == 1


def test_changes_of_one_site_add_up(crowd: list[Services], site: Site) -> None:
    """No change of a site's settings undoes that of another process, and two keys stay active."""
    thresholds = Thresholds(0.5, 0.9, 0.99)

    def act(member: Services, number: int) -> str:
        set_type_thresholds(member, site.url, f"type{number}", thresholds)
        return rotate_key(member, site.url)

    keys = at_once(crowd, act)
    assert set(find_site(crowd[0], site.url).type_thresholds) == {f"type{number}" for number in range(THREADS)}
    assert count(crowd[0], "keys", retired_at=None) == 2

    def is_active(key: str) -> bool:
        try:
            return authenticate_site(crowd[0], key) is not None
        except AuthenticationFailed:
            return False

    assert sum(map(is_active, keys)) == 2


def test_a_file_that_many_import_is_stored_once(crowd: list[Services], site: Site) -> None:
    """The later imports know every row of the first; all of them index the comments, each once."""
    rows = [(Comment(f"This is the comment number {number}."), (HAM, SPAM)[number % 2]) for number in range(100)]
    results = at_once(crowd, lambda member, _: import_labels(member, site, rows))
    assert sorted(result.stored for result in results) == [0] * (THREADS - 1) + [100]
    assert count(crowd[0], "comments") == count(crowd[0], "labels") == 100
    assert index_missing(crowd[0]) == 0


def test_all_processes_learn_the_same(crowd: list[Services], site: Site) -> None:
    """No process misses a label that another one gives at the same time: all have what the log teaches."""
    model, probe = crowd[0].live_model.current(), ParsedComment(Comment("Number 3 of the buns and offers by Uta"))

    def learn(cache: SiteWeightsCache) -> Score:
        return score(model, probe, site_weights=cache.find(site, model))

    def act(member: Services, number: int) -> None:
        for turn in range(5):
            comment = Comment(
                f"Number {turn} of the {(number % 2 and 'offers') or 'buns'} by Uta", author=f"Uta {number}"
            )
            label_comment(member, site, comment, (HAM, SPAM)[number % 2], "mara", "queue")
            learn(member.site_weights_cache)

    at_once(crowd, act)
    learnt = learn(SiteWeightsCache(crowd[0].engine, crowd[0].kept_connection))
    assert LEARNT_HERE in [reason.code for reason in learnt.reasons]
    assert [learn(member.site_weights_cache) for member in crowd] == [learnt] * THREADS


def test_a_calibration_is_stored_once(crowd: list[Services], site: Site, clock: Clock) -> None:
    """All processes see that it is due, and one stores it."""
    services = crowd[0]
    for number in range(100):
        decision = check_comment(services, site, CheckRequest(Comment(f"A fine remark, number {number}."))).decision
        label_decision(services, site, decision.id, HAM, "mara", "api")
        clock.advance(60)
    stored = at_once(crowd, lambda member, _: recalibrate(member, site))
    assert sum(stored) == count(services, "calibrations") == 1


def test_preparing_at_once_makes_one_database(settings: Settings, new_database: Callable[[], str]) -> None:
    """Processes that start together on a new machine wait for each other's migrations and share one secret."""
    fresh = settings.model_copy(update={"database_url": new_database()})
    with ThreadPoolExecutor(THREADS) as pool:
        prepared = list(pool.map(lambda _: prepare(fresh), range(THREADS)))
    for services in prepared:
        services.engine.dispose()
    assert len({services.secret for services in prepared}) == 1
    opened = open_services(fresh)
    assert count(opened, "installation") == 1
    opened.engine.dispose()
