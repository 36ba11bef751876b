"""Calibrations are stored exactly, and the queries about them read no whole table."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, event

from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.domain.budget import Budget, Calibration, Refutation, RolloutMode, StoredCalibration, select_threshold
from moderation.domain.site import Site
from moderation.storage import calibrations, sites
from moderation.storage.engine import read_transaction, write_transaction
from tests.labelled_decisions import insert_labelled_decisions

HAM = [(f"{number:032x}", 0.1 + number / 1_000) for number in range(598)]
STORED_CALIBRATION = StoredCalibration(
    "small", Budget(), Calibration(select_threshold(HAM[:59], 0.05, 0.95), select_threshold(HAM, 0.005, 0.95)), 59, 598
)


@contextmanager
def recorded_queries(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Record the SQL and the parameters of each query within the block."""
    queries: list[tuple[str, Any]] = []

    def record(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        queries.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", record)
    try:
        yield queries
    finally:
        event.remove(engine, "before_cursor_execute", record)


def query_plans(engine: Engine, queries: list[tuple[str, Any]]) -> str:
    """Return how SQLite runs these queries."""
    with read_transaction(engine) as connection:
        plans = [
            row[-1]
            for statement, parameters in queries
            if statement.startswith("SELECT")
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    return "\n".join(plans)


def test_a_stored_calibration_comes_back(services: Services, site: Site) -> None:
    """To the last digit, with the id of its row, by site and by model and budget."""
    with write_transaction(services.engine) as connection:
        calibration_id = calibrations.add(connection, site.id, STORED_CALIBRATION, services.clock())
        newest = calibrations.find_newest(connection, site.id, "small", Budget())
        assert calibrations.newest_id(connection, site.id) == calibration_id
        assert calibrations.find_newest(connection, site.id, "other", Budget()) is None
        assert calibrations.find_newest(connection, site.id, "small", Budget(0.01)) is None
    stored = STORED_CALIBRATION.calibration
    assert newest and newest.calibration == Calibration(stored.review, stored.spam, calibration_id)
    assert find_site(services, site.url).stored_calibration == newest


def test_a_refutation_and_a_rollout_come_back(services: Services, site: Site) -> None:
    """With the site, and so does the coverage of its budget."""
    refuted = replace(STORED_CALIBRATION, refutation=Refutation(0.9, 20, 2, 0.018, 0.95))
    with write_transaction(services.engine) as connection:
        calibrations.add(connection, site.id, refuted, services.clock())
        sites.set_rollout(connection, site.id, RolloutMode.CAUTIOUS)
        sites.set_budget(connection, site.id, Budget(coverage=0.7))
    read = find_site(services, site.url)
    assert read.stored_calibration and read.stored_calibration.refutation == refuted.refutation
    assert (read.rollout, read.budget) == (RolloutMode.CAUTIOUS, Budget(coverage=0.7))


def test_a_site_comes_with_its_newest_calibration(services: Services, site: Site, other_site: Site) -> None:
    """Of several calibrations the last one, and never another site's."""
    with write_transaction(services.engine) as connection:
        calibrations.add(connection, site.id, StoredCalibration("old", Budget()), services.clock())
        calibrations.add(connection, site.id, STORED_CALIBRATION, services.clock())
        calibrations.add(connection, other_site.id, StoredCalibration("theirs", Budget()), services.clock())
    stored = [find_site(services, url).stored_calibration for url in (site.url, other_site.url)]
    assert [calibration.model for calibration in stored if calibration] == ["small", "theirs"]


def test_the_oldest_ham_comes_in_order(services: Services, site: Site) -> None:
    """In the order of decision, up to the limit."""
    decision_ids = insert_labelled_decisions(services, site, [0.1, 0.2, 0.3])
    with read_transaction(services.engine) as connection:
        assert calibrations.count_ham(connection, site.id, "small") == 3
        oldest = calibrations.oldest_ham(connection, site.id, "small", 2)
    assert [(each.name, each.probability) for each in oldest] == list(zip(decision_ids, [0.1, 0.2], strict=False))


@pytest.mark.sqlite("EXPLAIN QUERY PLAN is SQLite's")
def test_no_query_reads_a_whole_table(services: Services, site: Site) -> None:
    """Ham is found by the index of labels, the site of a key by the key: time must not grow with the decisions."""
    with read_transaction(services.engine) as connection, recorded_queries(services.engine) as ham_queries:
        calibrations.count_ham(connection, site.id, "small")
    with read_transaction(services.engine) as connection, recorded_queries(services.engine) as key_queries:
        sites.find_by_key(connection, "x")
    ham_plan, key_plan = (query_plans(services.engine, queries) for queries in (ham_queries, key_queries))
    assert "SCAN decisions" not in ham_plan and "ix_labels_site_id_value_comment_id" in ham_plan
    assert "SCAN calibrations" not in key_plan and "SCAN sites" not in key_plan and "uq_keys_digest" in key_plan
