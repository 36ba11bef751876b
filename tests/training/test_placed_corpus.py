"""A corpus whose texts stay where they are read: the same comments, folds and features as one in memory."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from moderation.domain.errors import InvalidCorpus, InvalidInput
from moderation.training import parts, placed_corpus
from moderation.training.corpus import SPAM_AND_HAM, Corpus, read_corpus
from moderation.training.design_matrix import take_rows
from moderation.training.executors import ONE_PROCESSOR
from moderation.training.fitting import build_training_set
from moderation.training.parts import parts_of
from moderation.training.placed_corpus import FilePart, read_part, read_placed_corpus
from moderation.training.recipe import Recipe
from moderation.training.relabelling import NOTHING_RELABELLED, Relabelling
from tests.models import ignore, write_rows

CSV = """text,label,site,author,weight
"Buy
pills",spam,https://a.example,Ann,2

Thank you,ham,https://a.example,,
No label,,https://a.example,,
"Said ""so"" twice",ham,https://b.example,,
Cheap shoes,spam,,,
Lovely,ham,,,
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return files of both forms, which are read in parts of two rows."""
    monkeypatch.setattr(placed_corpus, "_ROWS_PER_PART", 2)
    monkeypatch.setattr("moderation.training.corpus.MAX_BAD_ROW_RATE", 0.5)
    table, lines = tmp_path / "table.csv", tmp_path / "lines.jsonl.gz"
    table.write_text(CSV, "utf-8")
    urls = ["", "https://u.example", "", "", ""]
    rows = [{"id": n, "text": f"comment {n}", "label": "ham", "url": url} for n, url in enumerate(urls)]
    lines.write_bytes(gzip.compress("\n\n".join(map(json.dumps, rows)).encode()))
    return [table, lines]


def placed(files: list[Path], relabelling: Relabelling = NOTHING_RELABELLED) -> Corpus:
    return read_placed_corpus(files, ignore, SPAM_AND_HAM, relabelling, ONE_PROCESSOR)


def test_the_parts_have_the_comments_of_the_files(files: list[Path], tmp_path: Path) -> None:
    """Cells of several lines, bad rows, corrections and fields that a site never fills are met alike."""
    corrections = tmp_path / "corrections.tsv"
    corrections.write_text("lines\t1\tn\nlines\t2\ts\n", "utf-8")
    relabelling = Relabelling.from_file(corrections)
    there, here = placed(files, relabelling), read_corpus(files, ignore, relabelling=relabelling)
    found = [part.comments[row] for part in parts_of(there.comments) for row in part.rows]
    assert found == list(here.comments) and len(there.comments) == 9
    assert (there.ids, there.source_files, there.site_urls) == (here.ids, here.source_files, here.site_urls)
    for name in ("spam", "sources", "sites", "weights"):
        assert np.array_equal(getattr(there, name), getattr(here, name))


def test_selected_comments_stay_in_order(files: list[Path]) -> None:
    """A part without any of them is not visited, and their texts are not read here."""
    mask = np.array([True, False, False, False, True, True, False, False, False, True])
    there, here = placed(files).where(mask), read_corpus(files, ignore).where(mask)
    assert [part.comments[row] for part in parts_of(there.comments) for row in part.rows] == list(here.comments)
    with pytest.raises(InvalidInput, match="leave out --cluster"):
        _ = there.comments[0]


def test_a_file_that_is_another_one_at_the_worker_is_refused(files: list[Path]) -> None:
    """It may be missing, longer, or have other rows."""
    table, size = files[0], files[0].stat().st_size
    with pytest.raises(InvalidCorpus, match="same files at the same place"):
        read_part(FilePart(table.with_name("none.csv"), size, ("ham",), np.array([2]), {}))
    with pytest.raises(InvalidCorpus, match="same files at the same place"):
        read_part(FilePart(table, size + 1, ("ham",), np.array([2]), {}))
    with pytest.raises(InvalidCorpus, match="same files at the same place"):
        read_part(FilePart(table, size, ("ham",), np.array([3, 4]), {"https://a.example": ["text"]}))


def test_a_pipe_is_refused() -> None:
    """Workers cannot read the stdin of the command."""
    with pytest.raises(InvalidInput, match="must be a file"):
        placed([Path("-")])


def test_features_do_not_depend_on_the_parts(starter: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deduplication, loans of copies and rows of the matrices are the same for any division."""
    few = tmp_path / "few.csv"
    write_rows(few, slice(1, None, 35))
    monkeypatch.setattr(placed_corpus, "_ROWS_PER_PART", 7)
    monkeypatch.setattr(parts, "_COMMENTS_PER_PART", 11)
    recipe = Recipe(obfuscate=0.5, insert_link=0.5)
    there = build_training_set(placed([few]), recipe, ignore, ONE_PROCESSOR)
    here = build_training_set(read_corpus([few], ignore), recipe, ignore, ONE_PROCESSOR)
    assert len(there.augmented) != len(here.augmented)
    assert there.templates == here.templates and np.array_equal(there.donors, here.donors)
    everything = np.arange(len(here.templates))
    copies = [take_rows(each.augmented, everything) for each in (there, here)]
    for one, other in (copies, [there.plain, here.plain]):
        assert (one.hashed != other.hashed).nnz == 0
        assert np.array_equal(one.signals, other.signals, equal_nan=True) and np.array_equal(one.rules, other.rules)
