"""Passages of long texts: they cover the text, are bounded in number and end where the author ended something."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.features.passages import (
    MAX_PARSED_PASSAGES,
    MAX_PASSAGES,
    MIN_TEXT_LENGTH,
    choose_passages,
    find_passages,
)

SENTENCE = "We walked along the river until the rain began, and then we took the bus home. "
MAX_PASSAGE_LENGTH = 600


def passages(text: str) -> list[tuple[int, int]]:
    return [(passage.start, passage.end) for passage in find_passages(ParsedComment(Comment(text)))]


def test_an_ordinary_text_has_no_passages() -> None:
    """Ordinary comments cost nothing."""
    assert passages("x" * MIN_TEXT_LENGTH) == []


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


def test_a_passage_has_its_words_and_its_load() -> None:
    """Words are those of the two blocks, without markup; an address or a number is a load."""
    text = f"{SENTENCE * 20}\n\n<b>Call</b> 555 1234 for shoes.\n\n{SENTENCE * 20}"
    found = find_passages(ParsedComment(Comment(text)))
    loaded = [passage for passage in found if passage.has_load]
    assert 0 < len(loaded) < len(found)
    assert all("shoes" in passage.words.words and "b" not in passage.words.words for passage in loaded)


def test_few_passages_are_parsed_among_them_one_with_a_load() -> None:
    """Those with the strongest words come first; one with an address or a number is read even among stronger ones."""
    strengths = [0.0, 5.0, 1.0, 7.0, 6.0, 2.0]
    assert choose_passages(strengths, [False] * 6) == [3, 4]
    assert choose_passages(strengths, [True, False, True, False, False, False]) == [3, 4, 2]
    assert len(choose_passages(strengths, [True] * 6)) == MAX_PARSED_PASSAGES
    assert choose_passages([], []) == []
