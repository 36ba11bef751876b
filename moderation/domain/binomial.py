"""Upper bounds on a rate from a count of errors by Clopper and Pearson (1934), and the sample sizes they need."""

import math
from collections.abc import Sequence

_MAX_BISECTIONS = 100
"""More than enough: a double between the observed rate and 1 has fewer bits to decide."""


def clopper_pearson_upper(errors: int, n: int, confidence: float) -> float:
    """Return the one-sided Clopper-Pearson upper bound on an error rate.

    Parameters
    ----------
    errors : int
        Number of errors in the sample.
    n : int
        Size of the sample.
    confidence : float
        Confidence level of the bound, within 0 and 1.

    Returns
    -------
    float
        The highest rate at which `errors` or fewer still have probability `1 - confidence`. It equals the `confidence`
        quantile of the beta distribution with parameters `errors + 1` and `n - errors`.

    Raises
    ------
    ValueError
        Unless `0 <= errors <= n` and `n > 0`.
    """
    if not 0 <= errors <= n or n == 0:
        raise ValueError(f"No bound follows from {errors} of {n}.")
    if errors == n:
        return 1.0
    if errors == 0:
        return -math.expm1(math.log1p(-confidence) / n)
    log_ways = [_log_ways(count, n) for count in range(errors + 1)]
    low, high = errors / n, 1.0
    for _ in range(_MAX_BISECTIONS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _binom_cdf(log_ways, n, middle) > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high


def clopper_pearson_lower(errors: int, n: int, confidence: float) -> float:
    """Return the one-sided Clopper-Pearson lower bound: the upper bound on the rate of the other comments, mirrored.

    Parameters and errors are those of `clopper_pearson_upper`.
    """
    return 1.0 - clopper_pearson_upper(n - errors, n, confidence)


def min_sample_size(max_rate: float, confidence: float) -> int:
    """Return the smallest sample that bounds an error rate by `max_rate` if it has no error.

    Parameters
    ----------
    max_rate : float
        Highest acceptable error rate, above 0 and below 1.
    confidence : float
        Confidence level of the bound.

    Returns
    -------
    int
        Number of comments: 59 for a rate of .05 and 598 for .005, with a confidence of .95.
    """
    return math.ceil(math.log1p(-confidence) / math.log1p(-max_rate) - 1e-9)


def scheduled_sample_size(ham: int, max_rate: float, confidence: float) -> int:
    """Return the sample size at which a threshold was last due for calibration.

    Thresholds are calibrated at `min_sample_size`, at twice that, four times that and so on. A bound that is tested
    after each comment would not hold.

    Parameters
    ----------
    ham : int
        Number of ham comments so far.
    max_rate, confidence : float
        As for `min_sample_size`.

    Returns
    -------
    int
        The largest scheduled size up to `ham`, 0 if there is none yet.
    """
    first = min_sample_size(max_rate, confidence)
    return 0 if ham < first else first << (ham // first).bit_length() - 1


def max_errors(n: int, max_rate: float, confidence: float) -> int:
    """Return the highest number of errors whose upper bound is at most `max_rate`.

    Parameters
    ----------
    n : int
        Size of the sample.
    max_rate, confidence : float
        As for `min_sample_size`.

    Returns
    -------
    int
        Number of errors, -1 if the sample is too small even without an error.
    """
    remaining, errors = 1.0 - confidence, -1
    while errors < n - 1:
        remaining -= math.exp(_log_binom_pmf(errors + 1, n, max_rate))
        # The tolerance keeps rounding from requiring one comment more than `min_sample_size` returns.
        if remaining < -1e-12:
            break
        errors += 1
    return errors


def _binom_cdf(log_ways: Sequence[float], n: int, rate: float) -> float:
    """Return the probability of at most so many errors in `n` as there are `log_ways`, less one."""
    log_error, log_none = math.log(rate), math.log1p(-rate)
    return math.fsum(math.exp(ways + count * log_error + (n - count) * log_none) for count, ways in enumerate(log_ways))


def _log_binom_pmf(errors: int, n: int, rate: float) -> float:
    """Return the log probability of exactly `errors` errors in `n`. The rate must be above 0 and below 1."""
    return _log_ways(errors, n) + errors * math.log(rate) + (n - errors) * math.log1p(-rate)


def _log_ways(errors: int, n: int) -> float:
    """Return the logarithm of the number of ways to choose `errors` of `n`."""
    return math.lgamma(n + 1) - math.lgamma(errors + 1) - math.lgamma(n - errors + 1)
