"""`moderation train`, `evaluate`, `promote`, `rollback` and `models`."""

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from moderation.registry.model_card import CorpusEntry
from moderation.registry.model_registry import ModelRegistry
from moderation.training import gate
from tests.cli.conftest import Operator
from tests.models import ODD_SITE, STARTER, odd_labels, small_arrays, small_card


def write_corpus(path: Path, *, contrary: bool = False) -> Path:
    """Write every fourth comment of the starter corpus; `contrary` swaps spam and ham."""
    with STARTER.open(encoding="utf-8", newline="") as file:
        rows = [{"text": row["text"], "label": row["label"]} for row in csv.DictReader(file)][::4]
    for row in rows if contrary else ():
        row["label"] = {"ham": "spam", "spam": "ham"}[row["label"]]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe that trains quickly."""
    path = tmp_path / "recipe.toml"
    path.write_text('folds = 2\nmax_iter = 50\ncaveats = ["Made for a test."]\n')
    return path


def test_a_trained_model_waits_to_be_promoted(trainer: Operator, recipe: Path, tmp_path: Path) -> None:
    """Training does not change the live model; promote and rollback do."""
    result = trainer.run("train", write_corpus(tmp_path / "corpus.csv"), "--recipe", recipe, "--id", "mine")
    assert result.exit_code == 0, result.output
    assert "moderation promote mine" in result.stdout and "caught" in result.stdout and "comments" in result.stderr
    assert {model["id"]: model["live"] for model in trainer.get_json("models", "list")} == {
        "mine": False,
        "small": True,
    }
    assert "mine" in trainer.get("promote", "mine", "--force")
    assert trainer.get_json("check", "hello")["model"] == "mine"
    assert "small" in trainer.get("rollback")
    assert trainer.get_json("check", "hello")["model"] == "small"
    card = trainer.get_json("models", "show", "mine")
    assert card["recipe"]["folds"] == 2 and card["caveats"][0] == "Made for a test."
    assert "Made for a test." in trainer.get("models", "show", "mine")


def test_labels_are_corrected_by_a_file_that_the_card_names(trainer: Operator, recipe: Path, tmp_path: Path) -> None:
    """The counts of the source are those after the correction."""
    corpus, corrected = write_corpus(tmp_path / "corpus.csv"), tmp_path / "corrected.tsv"
    corrected.write_bytes(b"\xef\xbb\xbfcorpus\tcorpus-2\tn\nother\t1\ts\n")
    result = trainer.run("train", corpus, "--recipe", recipe, "--id", "mine", "--relabelled", corrected)
    assert "corpus.csv: corrected labels: 0 spam, 0 ham, 1 left out; corrections without a row: 0." in result.stderr
    assert "Corrections of sources that were not read: other." in result.stderr
    card = trainer.get_json("models", "show", "mine")
    assert card["relabelling"] == hashlib.sha256(corrected.read_bytes()).hexdigest()
    assert card["relabelling"] in trainer.get("models", "show", "mine")
    (source,) = card["corpora"]
    with corpus.open(encoding="utf-8", newline="") as file:
        assert source["spam"] + source["ham"] == len(list(csv.DictReader(file))) - 1


def test_a_card_has_guarantees_from_held_out_ham(trainer: Operator, recipe: Path, tmp_path: Path) -> None:
    """They count ham of held-out sources above a threshold; a caveat says that a new blog may differ."""
    trainer.get("train", write_corpus(tmp_path / "corpus.csv"), "--recipe", recipe, "--id", "mine")
    card = trainer.get_json("models", "show", "mine")
    ham = sum(corpus["ham"] for corpus in card["corpora"])
    for name in ("review", "spam"):
        guarantee = card["guarantees"][name]
        assert guarantee["threshold"] == card["thresholds"][name] and guarantee["confidence"] == 0.95
        assert guarantee["max_rate"] is None and 0 < guarantee["n"] <= ham
        assert guarantee["errors"] / guarantee["n"] < guarantee["bound"] <= 1
        assert len(guarantee["digest"]) == 64
    assert "not exchangeable" in card["caveats"][-1]
    shown = trainer.get("models", "show", "mine")
    assert "The spam threshold:" in shown and "ham comments are at or above it" in shown


def test_a_worse_model_is_refused_unless_forced(
    trainer: Operator, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command prints every objection, and the live model stays. The log keeps the overruled ones."""
    monkeypatch.setattr(gate, "MAX_OBFUSCATED", 1)
    contrary = write_corpus(tmp_path / "contrary.csv", contrary=True)
    trainer.get("train", contrary, "--recipe", recipe, "--id", "worse")
    holdout = write_corpus(tmp_path / "holdout.csv")
    unproved = trainer.run("promote", "worse")
    assert unproved.exit_code == 3 and "compare them with --against" in unproved.stderr
    result = trainer.run("promote", "worse", "--against", holdout)
    assert result.exit_code == 3 and "spam caught goes from" in result.stderr and "no gain is proved" in result.stderr
    assert trainer.get_json("check", "hello")["model"] == "small" and trainer.get_json("models", "log") == []
    trainer.get("promote", "worse", "--against", holdout, "--force")
    assert trainer.get_json("check", "hello")["model"] == "worse"
    trainer.get("rollback")
    forced, back = trainer.get_json("models", "log")
    assert (forced["model"], forced["former"], forced["way"]) == ("worse", "small", "forced")
    assert any("spam caught goes from" in objection for objection in forced["objections"])
    assert (back["model"], back["former"], back["way"], back["objections"]) == ("small", "worse", "rollback", [])
    assert "spam caught goes from" in trainer.get("models", "log")


def test_a_shadow_is_started_shown_and_stopped(operator: Operator, own_registry: Path) -> None:
    """Before a server has compared anything, there are no counts."""
    operator = Operator(operator.environment | {"MODERATION_MODELS": str(own_registry)})
    assert operator.run("models", "shadow").exit_code == 4
    assert "small is compared" in operator.get("models", "shadow", "small")
    assert operator.get_json("models", "shadow") == {"model": "small", "sites": []}
    assert operator.get("models", "shadow").startswith("Shadow small")
    assert "No model is compared" in operator.get("models", "shadow", "--stop")
    assert operator.run("models", "shadow", "nothing").exit_code == 4


def test_evaluation_measures_without_touching_anything(trainer: Operator, tmp_path: Path) -> None:
    """A table for people, the same figures as JSON; the live model unless another is named."""
    corpus = write_corpus(tmp_path / "corpus.csv")
    (evaluation,) = trainer.get_json("evaluate", corpus)
    assert evaluation["model"] == "small" and evaluation["sources"][0]["source"] == "corpus"
    assert evaluation["metrics"]["caught"] == pytest.approx(evaluation["sources"][0]["caught"], abs=1e-6)
    shown = trainer.get("evaluate", corpus, "--model", "small")
    assert "Model small" in shown and "corpus" in shown


def test_evaluation_writes_a_page_when_asked(trainer: Operator, tmp_path: Path) -> None:
    """--report does not change stdout, and prints the path of the page."""
    corpus, page = write_corpus(tmp_path / "corpus.csv"), tmp_path / "report.html"
    result = trainer.run("evaluate", corpus, "--json", "--report", page)
    assert result.exit_code == 0 and str(page) in result.stderr
    assert result.stdout == trainer.get("evaluate", corpus, "--json")
    text = page.read_text(encoding="utf-8")
    assert text.rstrip().endswith("</html>") and "<h1>Evaluation of small</h1>" in text


def test_a_report_never_overwrites_a_corpus(trainer: Operator, tmp_path: Path) -> None:
    """The path of a corpus is refused, as is a missing folder, before anything is measured."""
    corpus = write_corpus(tmp_path / "corpus.csv")
    before = corpus.read_bytes()
    refused = trainer.run("evaluate", corpus, "--report", corpus)
    assert refused.exit_code == 2 and "overwrite" in refused.stderr
    assert trainer.run("evaluate", corpus, "--report", tmp_path / "nowhere" / "report.html").exit_code == 2
    assert corpus.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("promote", "nothing", "--force"), 4),
        (("models", "show", "nothing"), 4),
        (("rollback",), 4),
        (("evaluate", str(STARTER), "--model", "nothing"), 4),
        (("train", str(STARTER), "--id", "No Such Name"), 2),
        (("train",), 2),
    ],
)
def test_an_error_has_its_exit_code(trainer: Operator, arguments: tuple[str, ...], code: int) -> None:
    """Unknown models, no previous model, an invalid name, no file."""
    assert trainer.run(*arguments).exit_code == code


def test_a_taken_name_costs_no_training(trainer: Operator) -> None:
    """A model is never overwritten; the error comes before the fitting."""
    result = trainer.run("train", STARTER, "--id", "small")
    assert result.exit_code == 9 and "Fitting" not in result.stderr


def test_a_bad_recipe_and_a_bad_corpus_are_named(trainer: Operator, tmp_path: Path) -> None:
    """Exit code 2, with the key or the row."""
    (tmp_path / "bad.toml").write_text("strenght = 1\n")
    result = trainer.run("train", STARTER, "--recipe", tmp_path / "bad.toml")
    assert result.exit_code == 2 and "strenght" in result.stderr
    (tmp_path / "bad.csv").write_text("text,label\nhello,maybe\n")
    result = trainer.run("train", tmp_path / "bad.csv")
    assert result.exit_code == 2 and "label is not one of ham, spam" in result.stderr


def test_a_damaged_model_is_listed_with_its_error(trainer: Operator, own_registry: Path) -> None:
    """The other models are listed too; promoting a damaged one has exit code 5."""
    card = ModelRegistry(own_registry).card("small")
    (own_registry / "broken").mkdir()
    (own_registry / "broken" / "card.json").write_text("{}")
    (own_registry / "swapped").mkdir()
    (own_registry / "swapped" / "card.json").write_text(card.to_json().replace('"small"', '"swapped"'))
    (own_registry / "swapped" / "model.joblib").write_bytes(b"not what the card says")
    listed = {model["id"]: model["load_error"] for model in trainer.get_json("models", "list")}
    assert listed["small"] is None and listed["broken"] is not None
    assert "broken" in trainer.get("models", "list")
    assert trainer.run("promote", "swapped", "--force").exit_code == 5
    assert trainer.get_json("check", "hello")["model"] == "small"


def test_a_site_gets_its_own_weights(operator: Operator, own_registry: Path, recipe: Path, tmp_path: Path) -> None:
    """Its exported labels, trained on with the starter corpus, decide at this site and nowhere else."""
    operator = Operator(operator.environment | {"MODERATION_MODELS": str(own_registry)})
    rows_file, labels = tmp_path / "rows.jsonl", tmp_path / "labels.csv"
    rows = [{"text": comment.text, "label": "spam" if spam else "ham"} for comment, spam in odd_labels(40)]
    rows_file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    operator.get("site", "add", ODD_SITE)
    operator.get("labels", "import", rows_file, "--site", ODD_SITE)
    operator.get("labels", "export", "--output", labels)
    operator.get("train", labels, STARTER, write_corpus(tmp_path / "more.csv"), "--recipe", recipe, "--id", "mine")
    operator.get("promote", "mine", "--force")
    (offer, _), (thanks, _) = list(odd_labels(42))[-2:]
    for comment, at_site, elsewhere in ((offer.text, 0, 1), (thanks.text, 1, 0)):
        assert round(operator.get_json("check", comment, "--site", ODD_SITE)["probability"]) == at_site
        assert round(operator.get_json("check", comment)["probability"]) == elsewhere
    (entry,) = operator.get_json("models", "show", "mine")["sites"]
    assert entry["url"] == ODD_SITE and entry["ham"] == 40 and 20 <= entry["spam"] <= 40
    assert entry["metrics"]["roc_auc"] > 0.9
    assert ODD_SITE in operator.get("models", "show", "mine")
    (evaluation,) = operator.get_json("evaluate", labels, "--model", "mine")
    assert evaluation["metrics"]["roc_auc"] > 0.9


def test_control_characters_of_a_card_do_not_reach_the_terminal(trainer: Operator, own_registry: Path) -> None:
    """A card may come from anywhere: escape sequences in it are shown, not obeyed."""
    small = ModelRegistry(own_registry).card("small")
    hostile = "\x1b]0;title\x07\x1b[2J"
    corpus = CorpusEntry(hostile, "", hostile, 1, 1)
    card = replace(small, corpora=(corpus,), caveats=(hostile,), metrics={hostile: 1.0}, digest=hostile)
    (own_registry / "small" / "card.json").write_text(card.to_json(), "utf-8")
    shown = trainer.get("models", "show", "small") + trainer.get("models", "list")
    assert "U+001B][2J" in shown and shown.replace("\n", "").isprintable()


def test_a_promotion_and_a_rollback_reach_another_machine(
    operator: Operator, own_registry: Path, tmp_path: Path
) -> None:
    """With the models in the database, a machine without a folder of models gets the live one."""
    source = {"MODERATION_MODEL_SOURCE": "database"}
    one = Operator(operator.environment | source | {"MODERATION_MODELS": str(own_registry)})
    two = Operator(operator.environment | source | {"MODERATION_MODELS": str(tmp_path / "other")})
    ModelRegistry(own_registry).add(small_arrays(), small_card("next"))
    for model_id in ("small", "next"):
        one.get("promote", model_id, "--force")
    assert two.get("rollback") == "The model small is live again.\n"
    assert [model["id"] for model in two.get_json("models", "list") if model["live"]] == ["small"]
    assert one.run("rollback").exit_code == 4
    assert ModelRegistry(own_registry).current_id() == "small"
