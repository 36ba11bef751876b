"""Time-uniform bounds on an error rate: they hold at all times together, so anybody may look after each comment.

A gambler bets against the claim that the rate is at most `rate`: a constant part of the wealth on each comment. Under
the claim the expected wealth never grows. By Ville's inequality it then reaches `1 / (1 - confidence)` at any time with
a probability of at most `1 - confidence`. The mean over gamblers with different parts is a bet too.

Sources: Waudby-Smith and Ramdas, *Estimating means of bounded random variables by betting*, Journal of the Royal
Statistical Society B 86, 2024; Howard, Ramdas, McAuliffe and Sekhon, *Time-uniform, nonparametric, nonasymptotic
confidence sequences*, Annals of Statistics 49, 2021.
"""

import math

_PARTS = tuple(0.5**power for power in range(1, 13))
"""The parts of the wealth that gamblers bet. Large ones win by a few errors, small ones by a slight excess of many."""
_BISECTIONS = 60


def log_wealth(errors: int, n: int, rate: float) -> float:
    """Return the natural logarithm of the wealth after bets against a rate of at most `rate`.

    Parameters
    ----------
    errors, n : int
        Number of errors, and of comments. Their order does not matter, as each bet is constant.
    rate : float
        The claimed highest error rate, above 0 and below 1.

    Returns
    -------
    float
        0 before the first comment. An error multiplies the wealth of a gambler by `1 + part * (1 - rate) / rate`, any
        other comment by `1 - part`.
    """
    logs = [errors * math.log1p(part * (1 - rate) / rate) + (n - errors) * math.log1p(-part) for part in _PARTS]
    highest = max(logs)
    return highest + math.log(math.fsum(math.exp(log - highest) for log in logs) / len(logs))


def refutes(errors: int, n: int, rate: float, confidence: float) -> bool:
    """Return whether the errors refute a rate of at most `rate`.

    If the rate is kept, this is ever true with a probability of at most `1 - confidence`.
    """
    return log_wealth(errors, n, rate) >= -math.log1p(-confidence)


def lower_bound(errors: int, n: int, confidence: float) -> float:
    """Return the highest rate that the errors refute, 0 if they refute none: the true rate is above it at all times."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if refutes(errors, n, middle, confidence):
            low = middle
        else:
            high = middle
    return low


def upper_bound(errors: int, n: int, confidence: float) -> float:
    """Return the lower bound on the rate of the other comments, mirrored: the true rate is below it at all times."""
    return 1.0 - lower_bound(n - errors, n, confidence)
