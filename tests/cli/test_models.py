"""Train, evaluate, promote, roll back: the operator's way round the shelf."""

import csv
import json
from pathlib import Path

import pytest

from moderation.registry.shelf import Shelf
from tests.cli.conftest import Operator
from tests.models import ODD_SITE, STARTER, odd_labels


def write_corpus(path: Path, *, contrary: bool = False) -> Path:
    """Every fourth comment of the starter corpus; `contrary` calls ham spam and spam ham."""
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
    """A recipe for a quick model."""
    path = tmp_path / "recipe.toml"
    path.write_text('folds = 2\niterations = 50\ncaveats = ["Made for a test."]\n')
    return path


def test_a_trained_model_waits_to_be_promoted(trainer: Operator, recipe: Path, tmp_path: Path) -> None:
    """Training says what it did and how to go on; live is still what was; promote and rollback change it."""
    done = trainer.run("train", write_corpus(tmp_path / "corpus.csv"), "--recipe", recipe, "--id", "mine")
    assert done.exit_code == 0, done.output
    assert "moderation promote mine" in done.stdout and "caught" in done.stdout and "comments" in done.stderr
    assert {model["id"]: model["live"] for model in trainer.get_json("models", "list")} == {
        "mine": False,
        "small": True,
    }
    assert "mine" in trainer.get("promote", "mine")
    assert trainer.get_json("check", "hello")["model"] == "mine"
    assert "small" in trainer.get("rollback")
    assert trainer.get_json("check", "hello")["model"] == "small"
    card = trainer.get_json("models", "show", "mine")
    assert card["recipe"]["folds"] == 2 and card["caveats"][0] == "Made for a test."
    assert "Made for a test." in trainer.get("models", "show", "mine")


def test_a_card_says_what_unseen_ham_proves_of_the_lines(trainer: Operator, recipe: Path, tmp_path: Path) -> None:
    """How many good comments of sources held out lie on or above a line; and that it is no promise to a new blog."""
    trainer.get("train", write_corpus(tmp_path / "corpus.csv"), "--recipe", recipe, "--id", "mine")
    card = trainer.get_json("models", "show", "mine")
    ham = sum(corpus["ham"] for corpus in card["corpora"])
    for name in ("review", "spam"):
        told = card["certificates"][name]
        assert told["line"] == card["lines"][name] and told["confidence"] == 0.95
        assert told["allowed"] is None and 0 < told["n"] <= ham and told["errors"] / told["n"] < told["bound"] <= 1
        assert len(told["digest"]) == 64
    assert "not exchangeable" in card["caveats"][-1]
    shown = trainer.get("models", "show", "mine")
    assert "The spam line:" in shown and "good comments lie on or above it" in shown


def test_a_worse_model_is_refused_unless_forced(trainer: Operator, recipe: Path, tmp_path: Path) -> None:
    """With --against, every objection is told with exit code 3, and the live model stays."""
    contrary = write_corpus(tmp_path / "contrary.csv", contrary=True)
    trainer.get("train", contrary, "--recipe", recipe, "--id", "worse")
    done = trainer.run("promote", "worse", "--against", STARTER)
    assert done.exit_code == 3 and "spam caught goes from" in done.stderr
    assert trainer.get_json("check", "hello")["model"] == "small"
    trainer.get("promote", "worse", "--against", STARTER, "--force")
    assert trainer.get_json("check", "hello")["model"] == "worse"


def test_evaluation_measures_without_touching_anything(trainer: Operator, tmp_path: Path) -> None:
    """A table for people, the same figures for scripts; the live model unless another is named."""
    corpus = write_corpus(tmp_path / "corpus.csv")
    (told,) = trainer.get_json("evaluate", corpus)
    assert told["model"] == "small" and told["sources"][0]["source"] == "corpus"
    assert told["metrics"]["caught"] == pytest.approx(told["sources"][0]["caught"], abs=1e-6)
    shown = trainer.get("evaluate", corpus, "--model", "small")
    assert "Model small" in shown and "corpus" in shown


def test_evaluation_writes_a_page_when_asked(trainer: Operator, tmp_path: Path) -> None:
    """--report leaves what is printed as it was, and says where the page is."""
    corpus, page = write_corpus(tmp_path / "corpus.csv"), tmp_path / "report.html"
    done = trainer.run("evaluate", corpus, "--json", "--report", page)
    assert done.exit_code == 0 and str(page) in done.stderr
    assert done.stdout == trainer.get("evaluate", corpus, "--json")
    text = page.read_text(encoding="utf-8")
    assert text.rstrip().endswith("</html>") and "<h1>Evaluation of small</h1>" in text


def test_a_report_never_takes_the_place_of_what_it_measures(trainer: Operator, tmp_path: Path) -> None:
    """A page where a corpus lies is refused, and one in a folder that is not there, before anything is measured."""
    corpus = write_corpus(tmp_path / "corpus.csv")
    before = corpus.read_bytes()
    refused = trainer.run("evaluate", corpus, "--report", corpus)
    assert refused.exit_code == 2 and "overwrite" in refused.stderr
    assert trainer.run("evaluate", corpus, "--report", tmp_path / "nowhere" / "report.html").exit_code == 2
    assert corpus.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("promote", "nothing"), 4),
        (("models", "show", "nothing"), 4),
        (("rollback",), 4),
        (("evaluate", str(STARTER), "--model", "nothing"), 4),
        (("train", str(STARTER), "--id", "No Such Name"), 2),
        (("train",), 2),
    ],
)
def test_what_cannot_be_done_has_its_code(trainer: Operator, arguments: tuple[str, ...], code: int) -> None:
    """Unknown models, nothing to go back to, unusable names."""
    assert trainer.run(*arguments).exit_code == code


def test_a_taken_name_costs_no_training(trainer: Operator) -> None:
    """A model is never overwritten; that is said before the long work, not after it."""
    done = trainer.run("train", STARTER, "--id", "small")
    assert done.exit_code == 9 and "Fitting" not in done.stderr


def test_a_bad_recipe_and_a_bad_corpus_are_named(trainer: Operator, tmp_path: Path) -> None:
    """Exit code 2, with the culprit."""
    (tmp_path / "bad.toml").write_text("strenght = 1\n")
    done = trainer.run("train", STARTER, "--recipe", tmp_path / "bad.toml")
    assert done.exit_code == 2 and "strenght" in done.stderr
    (tmp_path / "bad.csv").write_text("text,label\nhello,maybe\n")
    done = trainer.run("train", tmp_path / "bad.csv")
    assert done.exit_code == 2 and "neither spam nor ham" in done.stderr


def test_a_damaged_model_hides_no_other(trainer: Operator, own_shelf: Path) -> None:
    """The list names it with its problem; promoting it is refused with exit code 5."""
    card = Shelf(own_shelf).card("small")
    (own_shelf / "broken").mkdir()
    (own_shelf / "broken" / "card.json").write_text("{}")
    (own_shelf / "swapped").mkdir()
    (own_shelf / "swapped" / "card.json").write_text(card.to_json().replace('"small"', '"swapped"'))
    (own_shelf / "swapped" / "model.joblib").write_bytes(b"not what the card says")
    listed = {model["id"]: model["problem"] for model in trainer.get_json("models", "list")}
    assert listed["small"] is None and listed["broken"] is not None
    assert "broken" in trainer.get("models", "list")
    assert trainer.run("promote", "swapped").exit_code == 5
    assert trainer.get_json("check", "hello")["model"] == "small"


def test_labels_of_a_site_come_back_to_it(operator: Operator, own_shelf: Path, recipe: Path, tmp_path: Path) -> None:
    """Exported, trained on beside the starter corpus and promoted, they decide at their site, and nowhere else."""
    operator = Operator(operator.environment | {"MODERATION_MODELS": str(own_shelf)})
    told, labels = tmp_path / "told.jsonl", tmp_path / "labels.csv"
    rows = [{"text": comment.text, "label": "spam" if spam else "ham"} for comment, spam in odd_labels(40)]
    told.write_text("".join(json.dumps(row) + "\n" for row in rows))
    operator.get("site", "add", ODD_SITE)
    operator.get("labels", "import", told, "--site", ODD_SITE)
    operator.get("labels", "export", "--output", labels)
    operator.get("train", labels, STARTER, write_corpus(tmp_path / "more.csv"), "--recipe", recipe, "--id", "mine")
    operator.get("promote", "mine")
    (offer, _), (thanks, _) = list(odd_labels(42))[-2:]
    for comment, here, elsewhere in ((offer.text, 0, 1), (thanks.text, 1, 0)):
        assert round(operator.get_json("check", comment, "--site", ODD_SITE)["probability"]) == here
        assert round(operator.get_json("check", comment)["probability"]) == elsewhere
    (entry,) = operator.get_json("models", "show", "mine")["sites"]
    assert entry["url"] == ODD_SITE and entry["ham"] == 40 and 20 <= entry["spam"] <= 40
    assert entry["metrics"]["roc_auc"] > 0.9
    assert ODD_SITE in operator.get("models", "show", "mine")
    (found,) = operator.get_json("evaluate", labels, "--model", "mine")
    assert found["metrics"]["roc_auc"] > 0.9
