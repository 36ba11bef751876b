"""Whether a candidate may take the champion's place."""

from collections.abc import Mapping

_SLACK_LOST = 0.002
_SLACK_HELD = 0.01
_SLACK_CAUGHT = 0.02


def objections(candidate: Mapping[str, float], champion: Mapping[str, float]) -> list[str]:
    """Every reason against promotion, on metrics measured for both on the same holdout; empty means yes.

    The allowances are 0.2 points of ham lost, 1 point held and 2 points of spam caught: about the scatter of
    a holdout of a few thousand comments.
    """
    checks = (
        ("lost", "ham lost", _SLACK_LOST, 1),
        ("held", "ham held", _SLACK_HELD, 1),
        ("caught", "spam caught", _SLACK_CAUGHT, -1),
    )
    return [
        f"{name} goes from {champion[key]:.2%} to {candidate[key]:.2%}, more than {slack:.1%} worse"
        for key, name, slack, sign in checks
        if key in candidate and key in champion and sign * (candidate[key] - champion[key]) > slack
    ]
