"""The starter corpus, read once."""

import pytest

from moderation.training.corpus import Corpus, read_corpus
from tests.models import STARTER, ignore


@pytest.fixture(scope="session")
def starter() -> Corpus:
    """Return `data/starter.csv` as one source."""
    return read_corpus([STARTER], ignore)
