"""What a probability means where spam is commoner, or rarer, than one comment in two."""

from collections.abc import Sequence

FEWEST = 50
"""Comments from which a site's share of spam is worth stating."""

_ROUNDS = 30
_LEAST = 1e-3


def shifted(probability: float, share: float) -> float:
    """The chance of spam where `share` of all comments is spam, both within 0 and 1.

    `probability` is calibrated for spam and ham alike likely, as every model here is. Saerens, Latinne and
    Decaestecker 2002, "Adjusting the outputs of a classifier to new a priori probabilities", equation 2.4.
    """
    spam, ham = probability * share, (1.0 - probability) * (1.0 - share)
    return spam / (spam + ham) if spam + ham else probability


def spam_share(probabilities: Sequence[float]) -> float | None:
    """The share of spam among comments of these probabilities, without a label: expectation and maximisation, ibid.

    Within 0.001 and 0.999; `None` for fewer than `FEWEST`.
    """
    if len(probabilities) < FEWEST:
        return None
    share = 0.5
    for _ in range(_ROUNDS):
        before, share = share, sum(shifted(probability, share) for probability in probabilities) / len(probabilities)
        share = min(1.0 - _LEAST, max(_LEAST, share))
        if abs(share - before) < _LEAST:
            break
    return share
