"""Word pieces are those of a vocabulary in which each piece has a probability, as SentencePiece splits a text."""

from itertools import product
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.reader.inputs import ReaderInput
from moderation.reader.tokens import MAX_TOKENS, ReaderTokenizer, Vocabulary
from tests.reader.tiny import PIECES, VOCABULARY

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
SCORED = {"▁": -2.5, "a": -3.0, "b": -3.5, "ab": -5.0, "▁a": -4.0, "ba": -6.0, "aab": -7.5, "▁ab": -7.0}
AB = Vocabulary([*SPECIAL, *SCORED], np.array([0.0] * len(SPECIAL) + list(SCORED.values()), np.float32))


def pieces(author: str, text: str = "", links: str = "") -> list[str]:
    tokens = ReaderTokenizer(VOCABULARY).tokenize(ReaderInput(author, text, links))
    return [PIECES[number] for number in tokens.numbers]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cheap shoes", ["▁cheap", "▁shoes"]),
        ("cheap\n\t shoes", ["▁cheap", "▁shoes"]),
        ("shoesx", ["▁shoes", "x"]),
        ("Shoe", ["▁", "S", "h", "o", "e"]),
        ("ｃheap", ["▁cheap"]),
        ("good中post", ["▁good", "<unk>", "post"]),
        ("йог", ["▁", "<unk>"]),
        ("й good", ["▁", "<unk>", "▁good"]),
        ("<s>", ["▁", "<", "s", ">"]),
        ("</s>", ["▁", "<", "/", "s", ">"]),
        ("▁", ["▁", "▁"]),
        ("", []),
    ],
)
def test_a_text_is_split_into_its_likeliest_pieces(text: str, expected: list[str]) -> None:
    """Forms of a letter are one. What has no piece is unknown, once in a row. No text has a special piece."""
    assert pieces(text) == ["<s>", *expected, "</s>", "</s>"]


@given(st.text("ab", max_size=7))
def test_no_other_split_is_likelier(word: str) -> None:
    """Against all splits of short words."""
    tokens = ReaderTokenizer(AB).tokenize(ReaderInput("", word, ""))
    found = [AB.pieces[number] for number in tokens.numbers[2:-1]]
    whole = f"▁{word}" if word else ""
    assert "".join(found) == whole
    assert sum(SCORED[piece] for piece in found) == best_score(whole)


def best_score(word: str) -> float:
    best = -inf
    for cuts in product((False, True), repeat=max(0, len(word) - 1)):
        parts = "".join(letter + "|" * cut for letter, cut in zip(word, (*cuts, False), strict=False)).split("|")
        best = max(best, sum(SCORED.get(part, -inf) for part in parts if part))
    return best


def test_a_long_text_keeps_front_and_end() -> None:
    """Two thirds of the room are for its front; author and links keep their share."""
    found = pieces("cheap " * 50, "good " * 100 + "post " * 100, "link " * 50)
    assert len(found) == MAX_TOKENS
    assert [found.count(f"▁{word}") for word in ("cheap", "good", "post", "link")] == [24, 35, 18, 16]


def test_a_sentence_without_spaces_is_read() -> None:
    """It is cut, at places that do not depend on what follows."""
    assert pieces("x" * 1_000, "")[:24] == ["<s>", "▁", *"x" * 22]


def test_a_vocabulary_needs_its_special_tokens() -> None:
    """A file with another vocabulary is refused."""
    for wrong in (["a", "b"], [*PIECES, "a"]):
        with pytest.raises(ValueError, match="vocabulary"):
            Vocabulary(wrong, np.zeros(len(wrong), np.float32))
    for scores in (np.zeros(3, np.float32), np.full(len(PIECES), np.nan, np.float32)):
        with pytest.raises(ValueError, match="scores"):
            Vocabulary(PIECES, scores)
