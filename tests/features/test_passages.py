"""Passages of long texts: they cover the text, are bounded in number and end where the author ended something."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.features.passages import MAX_PASSAGES, MIN_TEXT_LENGTH, passages

SENTENCE = "We walked along the river until the rain began, and then we took the bus home. "
MAX_PASSAGE_LENGTH = 600


def test_an_ordinary_text_has_no_passages() -> None:
    """Ordinary comments cost nothing."""
    assert passages("x" * MIN_TEXT_LENGTH) == ()


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["word ", "One. ", "\n\n", "<br>", "。", "x" * 700]), min_size=200, max_size=400))
def test_passages_cover_a_long_text(parts: list[str]) -> None:
    """Each passage overlaps the next, the first begins and the last ends with the text, and none is too long."""
    text = "".join(parts)[:8_000].ljust(MIN_TEXT_LENGTH + 1)
    spans = passages(text)
    assert spans[0][0] == 0 and spans[-1][1] == len(text)
    assert all(start < next_start < end for (start, end), (next_start, _) in pairwise(spans))
    assert all(end - start <= MAX_PASSAGE_LENGTH for start, end in spans)


def test_a_passage_ends_where_the_author_ended_something() -> None:
    """Cuts are at the ends of paragraphs, else of sentences, else of words."""
    paragraphs = "\n\n".join([SENTENCE * 2] * 20)
    assert all(paragraphs[end - 2 : end] == "\n\n" for _, end in passages(paragraphs)[:-1])
    assert all(text.endswith(".") for text in (SENTENCE * 100)[: passages(SENTENCE * 100)[0][1]].split("\n"))
    words = "word " * 1_000
    assert all(words[end - 1] == " " for _, end in passages(words))


def test_a_huge_text_has_a_bounded_number_of_passages() -> None:
    """Those with an address come first, wherever they are."""
    filler = SENTENCE * 3_000
    text = f"{filler}\n\nBuy shoes at http://shoes.example/\n\n{filler}"
    spans = passages(text)
    assert MAX_PASSAGES - 4 <= len(spans) <= MAX_PASSAGES
    assert any("http://shoes.example/" in text[start:end] for start, end in spans)
    assert spans[0][0] == 0 and spans[-1][1] == len(text)
