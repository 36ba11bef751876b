"""A model that is promoted on one machine is followed by another one over the same database."""

from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection

from moderation.actions import published_models
from moderation.actions.published_models import Following, fetch, follow, live_model, publish, roll_back
from moderation.actions.readiness import Version, readiness
from moderation.actions.services import Services
from moderation.domain.errors import Conflict, ModelUnavailable, NotFound
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.storage.engine import write_transaction
from moderation.storage.operator_tables import model_chunks
from moderation.storage.operator_tables import published_models as published_table
from moderation.storage.published_models import MAX_KEPT, PublishedModel
from tests.models import small_arrays, small_card, small_model_registry


@dataclass(frozen=True)
class Machines:
    """Two machines over one database, each with its own folder of models."""

    one: Services
    two: Services

    def promote(self, model_id: str) -> None:
        """Make a model at the first machine and promote it on all."""
        if model_id not in self.one.registry.ids():
            bias = float(len(self.one.registry.ids()))
            self.one.registry.add({**small_arrays(), "bias": bias}, small_card(model_id))
        live = live_model(self.one)
        self.one.registry.promote(model_id, publish=lambda each: publish(self.one, each, live))

    def follow(self) -> str | None:
        """Let the second machine follow, and return the id of the model that it judges by."""
        follow(self.two)
        return self.two.live_model.current().id


@pytest.fixture
def machines(services: Services, tmp_path: Path) -> Machines:
    registries = [small_model_registry(tmp_path / name) for name in ("one", "two")]
    return Machines(*(on_machine(services, registry) for registry in registries))


def on_machine(services: Services, registry: ModelRegistry) -> Services:
    return replace(services, registry=registry, live_model=LiveModel(registry), follows_models=True)


def change_chunks(services: Services, **values: bytes) -> None:
    with write_transaction(services.engine) as connection:
        of_file = model_chunks.c.file == "model.joblib"
        connection.execute(model_chunks.update().where(of_file).values(**values))


def test_a_promotion_reaches_the_other_machine(machines: Machines) -> None:
    """With the same weights, while it serves. Before the first promotion each keeps its own model."""
    assert machines.follow() == "small"
    machines.promote("next")
    served = machines.two.live_model.current()
    assert (served.id, machines.follow()) == ("small", "next")
    assert machines.two.live_model.current().bias == machines.one.live_model.current().bias
    assert machines.two.registry.checksum("next") == machines.one.registry.checksum("next")


def test_the_live_model_is_published_by_its_promotion(machines: Machines) -> None:
    """So that a new machine gets it; the second time stores the same again."""
    for _ in range(2):
        machines.promote("small")
    empty = ModelRegistry(machines.two.registry.folder.parent / "empty")
    newcomer = on_machine(machines.two, empty)
    follow(newcomer)
    assert newcomer.live_model.current().id == "small"
    with pytest.raises(NotFound, match="no earlier model"):
        roll_back(machines.one)


def test_a_rollback_reaches_all_machines(machines: Machines) -> None:
    """From any of them, also to a model that it never had. Each goes back one model further."""
    for model_id in ("small", "next", "last"):
        machines.promote(model_id)
    assert machines.follow() == "last" and "next" not in machines.two.registry.ids()
    assert roll_back(machines.two) == "next"
    follow(machines.one)
    assert machines.one.live_model.current().id == machines.two.live_model.current().id == "next"
    assert roll_back(machines.one) == "small" and machines.follow() == "small"
    assert [each.way for each in machines.one.registry.promotions()] == ["rollback"]


def test_a_damaged_copy_leaves_the_former_model_live(machines: Machines) -> None:
    """The state of the machine names both models and the problem. Another promotion of the model mends the copy."""
    machines.promote("next")
    change_chunks(machines.one, content=b"nonsense")
    following = Following(machines.two)
    following(Event())
    (check,) = (each for each in readiness(machines.two) if each.name == "model")
    assert check.ready and "truncated, altered or swapped" in str(check.detail)
    assert check.has == Version("small", machines.two.registry.checksum("small"))
    assert check.should_have == Version("next", machines.one.registry.checksum("next"))
    machines.promote("next")
    assert machines.follow() == "next"
    following(Event())


def test_the_same_failure_is_not_repeated_at_once(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt may read all files. Another model is followed at once, and ends the problem."""
    machines.promote("next")
    change_chunks(machines.one, content=b"nonsense")
    attempts: list[str] = []

    def counted(services: Services, model: PublishedModel) -> None:
        attempts.append(model.model)
        fetch(services, model)

    monkeypatch.setattr(published_models, "fetch", counted)
    following = Following(machines.two)
    for _ in range(3):
        following(Event())
    machines.promote("last")
    following(Event())
    assert attempts == ["next", "last"] and machines.two.live_model.follow_error is None


def test_another_model_of_the_same_id_is_refused(machines: Machines) -> None:
    """Neither is one published over another, nor is a folder of this machine replaced by another model."""
    machines.promote("next")
    machines.two.registry.add({**small_arrays(), "bias": 9.0}, small_card("next"))
    with pytest.raises(ModelUnavailable, match="another next here"):
        follow(machines.two)
    with pytest.raises(Conflict, match="Another model was published as next"):
        publish(machines.two, "next", live_model(machines.two))
    assert machines.two.live_model.current().id == "small"


def test_a_damaged_local_copy_is_fetched_again(machines: Machines) -> None:
    """The disk lost a part of the model before it went live here."""
    machines.promote("next")
    fetch(machines.two, live_model(machines.two))  # type: ignore[arg-type]
    file = machines.two.registry.folder / "next" / "model.joblib"
    file.write_bytes(file.read_bytes()[:-9])
    assert machines.follow() == "next"


def test_a_promotion_compares_with_the_live_model_of_all(machines: Machines) -> None:
    """Two machines promote at once. The second one compared its model with one that is no longer live."""
    machines.promote("next")
    machines.two.registry.add({**small_arrays(), "bias": 3.0}, small_card("mine"))
    with pytest.raises(Conflict, match="next became the live model meanwhile"):
        machines.two.registry.promote("mine", publish=lambda each: publish(machines.two, each, None))
    assert machines.two.registry.current_id() == "small"


def test_a_few_models_are_kept(machines: Machines) -> None:
    """The files of older ones are deleted with the next promotion."""
    for number in range(MAX_KEPT + 2):
        machines.promote(f"m{number}")
    with write_transaction(machines.one.engine) as connection:
        kept = _models(connection)
    assert kept == [f"m{number}" for number in range(2, MAX_KEPT + 2)]


def _models(connection: Connection) -> list[str]:
    stored = set(connection.execute(model_chunks.select()).scalars())
    listed = [row.model for row in connection.execute(published_table.select().order_by(published_table.c.id))]
    assert stored == set(listed)
    return listed
