"""How much spam of a source shares a template with the spam of other sites.

Spun texts are a shared stock. A source whose spam resembles that of the training sources flatters a model.
"""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from moderation.features.minhash import jaccard, lsh_bands, shingles
from moderation.training.corpus import Corpus

MIN_SIMILARITY = 0.5
_MAX_CANDIDATES = 50
"""Candidates compared for each band: some bands of very short texts have thousands."""


def shared_rates(corpus: Corpus, sites: NDArray[np.int64]) -> dict[str, float]:
    """Return the proportion of each source's spam with a Jaccard index of .5 or more to spam of another site.

    `sites` has the site number of each comment. A source without spam has the rate 0. One in five pairs at .5 shares no
    band and is not found.
    """
    spam = np.flatnonzero(corpus.spam).tolist()
    bands = {row: lsh_bands(corpus.comments[row].text) for row in spam}
    rows_by_band: defaultdict[int, list[int]] = defaultdict(list)
    for row in spam:
        for band in bands[row]:
            rows_by_band[band].append(row)
    shared = np.zeros(len(corpus.comments), dtype=bool)
    for row in spam:
        own = shingles(corpus.comments[row].text)
        candidates = dict.fromkeys(
            other for band in bands[row] for other in rows_by_band[band][:_MAX_CANDIDATES] if sites[other] != sites[row]
        )
        shared[row] = any(jaccard(own, shingles(corpus.comments[other].text)) >= MIN_SIMILARITY for other in candidates)
    rates = {file.source: 0.0 for file in corpus.source_files}
    for number in np.unique(corpus.sources[corpus.spam]).tolist():
        rows = corpus.spam & (corpus.sources == number)
        rates[corpus.source_files[number].source] = float(shared[rows].mean())
    return rates
