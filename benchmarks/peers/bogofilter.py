"""bogofilter: the words' probabilities combined by the methods of Robinson and Fisher."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.daemons import run
from benchmarks.peers.mail import mbox, to_mail
from moderation.domain.comment import Comment

# The grid of bogotune: minimal distance from one half, strength and value of the prior, effective size factors.
PARAM_GRID: tuple[Mapping[str, float], ...] = tuple(
    {"min_dev": min_dev, "robs": robs, "robx": robx, "sp_esf": esf, "ns_esf": esf}
    for min_dev in (0.02, 0.1, 0.375)
    for robs in (0.0178, 0.1)
    for robx in (0.415, 0.52)
    for esf in (1.0, 0.25)
)


def fit_predict(
    folder: Path,
    train_set: Sequence[Comment],
    spam: NDArray[np.bool_],
    test_set: Sequence[Comment],
    params: Mapping[str, float],
) -> NDArray[np.float64]:
    """Train on one set and return the spamicity of each comment of the other."""
    words = folder / "words"
    words.mkdir(exist_ok=True)
    words.chmod(0o777)
    for old in words.iterdir():
        old.unlink()
    command = ["bogofilter", "-C", "-d", str(words)]
    for option, label in (("-s", True), ("-n", False)):
        box = mbox(to_mail(comment) for comment, flag in zip(train_set, spam, strict=True) if flag == label)
        run([*command, option, "-M"], folder, box)
    config = folder / "bogofilter.cf"
    config.write_text("".join(f"{name}={value}\n" for name, value in params.items()), "utf-8")
    command = ["bogofilter", "-c", str(config), "-d", str(words), "-M", "-TT"]
    output = run(command, folder, mbox(to_mail(comment) for comment in test_set))
    return parse_output(output, len(test_set))


def parse_output(output: bytes, expected: int) -> NDArray[np.float64]:
    """Return the numbers that `bogofilter -TT` prints, one a line. Raises `ValueError` if there are not `expected`."""
    scores = np.array([float(line) for line in output.split()])
    if len(scores) != expected:
        raise ValueError(f"bogofilter scored {len(scores)} of {expected} messages")
    return scores
