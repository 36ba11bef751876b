"""Invented comments that share as little as those of strangers do: names, hosts and rare words are new in each."""

from collections.abc import Iterator
from itertools import accumulate
from random import Random

_SEED = 20261129
_SYLLABLES = (
    "ba",
    "cor",
    "del",
    "fi",
    "gun",
    "ha",
    "jo",
    "kel",
    "lam",
    "mi",
    "nor",
    "pa",
    "ri",
    "sen",
    "tu",
    "vo",
    "wex",
)
_VOCABULARY_SIZE = 40_000
_RARE_SHARE = 0.03
"""Share of the words that occur in one comment only: misspellings, names and numbers."""


def diverse_comments(count: int) -> Iterator[dict[str, str]]:
    """Yield comments as fields of `POST /v1/score`, the same in every run.

    The frequencies of words follow Zipf's law, as those of a language do.
    """
    random = Random(_SEED)
    words = [_word(random) for _ in range(_VOCABULARY_SIZE)]
    cumulated = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
    for number in range(count):
        drawn = random.choices(words, cum_weights=cumulated, k=random.randint(5, 120))
        text = " ".join(_word(random) if random.random() < _RARE_SHARE else word for word in drawn)
        host = f"{_word(random)}-{number}.example.{random.choice(('com', 'net', 'co.uk', 'de'))}"
        if number % 3 == 0:
            text += f' <a href="https://{host}/{_word(random)}?id={number}">{_word(random)} {_word(random)}</a>'
        name = f"{_word(random)} {_word(random)}".title()
        yield {
            "text": text,
            "author": name,
            "email": f"{name.replace(' ', '.').lower()}@{host}",
            "url": f"http://{host}/",
            "permalink": f"https://blog.example/{_word(random)}/{number}",
            "context": " ".join(random.choices(words, k=6)),
        }


def _word(random: Random) -> str:
    return "".join(random.choices(_SYLLABLES, k=random.randint(1, 5)))
