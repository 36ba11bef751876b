"""Word lists and topics."""

from importlib.resources import files

import pytest

from moderation.features.lexicon import count_topics, has_sales_term, word_list
from moderation.features.normalize import normalized

LISTS = sorted(
    path.name for path in files("moderation.features").joinpath("data").iterdir() if path.name.endswith(".txt")
)


def test_word_lists_are_in_canonical_form() -> None:
    """Each list says what it is. Its entries differ, and equal their normalized form: another would never match."""
    for name in LISTS:
        stem = name.removesuffix(".txt")
        entries = word_list(stem)
        assert stem != name and files("moderation.features").joinpath("data", name).read_text("utf-8")[:2] == "# "
        assert entries and len(set(entries)) == len(entries), name
        assert [entry for entry in entries if normalized(entry) != entry] == [], name


def test_a_missing_list_is_an_error() -> None:
    """A list that is not shipped is never taken for an empty one."""
    with pytest.raises(FileNotFoundError):
        word_list("missing")


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("", {}),
        ("poker", {"gambling": 1}),
        ("pokers", {}),
        ("casinos casino poker", {"gambling": 3}),
        ("louis vuitton", {"goods": 1}),
        ("vuitton louis", {}),
        ("mr louis vuitton and louis", {"goods": 1}),
        ("vuitton", {}),
        ("check out my", {"call_to_action": 1}),
        ("out my", {}),
        ("web hosting", {"services": 2, "praise": 1, "spinning": 1}),
        ("guest posts", {"services": 1}),
        ("great posts", {}),
        ("bookmarking", {"praise": 1}),
        (normalized("Backlink satın al"), {"services": 1, "bargain": 1}),
    ],
)
def test_topics_are_counted(text: str, counts: dict[str, int]) -> None:
    """Words, phrases and stems count for each topic that lists them; parts of a phrase do not."""
    assert count_topics(text.split()) == counts


@pytest.mark.parametrize(
    ("address", "sells"),
    [
        ("cheap-shoes", True),
        ("bestpaydayloans", True),
        ("shoesandmore", True),
        ("my.seo", True),
        ("seoul", False),
        ("pokerface", True),
        ("debtor", False),
        ("getbootstrap", False),
        ("", False),
    ],
)
def test_sales_terms_end_or_begin_a_part(address: str, sells: bool) -> None:
    """A term ends a run of letters; one of five letters or more may begin it too."""
    assert has_sales_term(address) is sells
