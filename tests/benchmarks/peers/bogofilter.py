"""bogofilter: Robinson's and Fisher's way of putting the words' probabilities together."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import Comment
from tests.benchmarks.peers.daemons import run
from tests.benchmarks.peers.wrapping import mbox, wrapped

CHOICES: tuple[Mapping[str, float], ...] = tuple(
    {"min_dev": min_dev, "robs": robs, "robx": robx, "sp_esf": esf, "ns_esf": esf}
    for min_dev in (0.02, 0.1, 0.375)
    for robs in (0.0178, 0.1)
    for robx in (0.415, 0.52)
    for esf in (1.0, 0.25)
)
"""What its own bogotune tries: distance from even, strength and place of the prior, how far words count apart."""


def judge(
    folder: Path,
    learnt: Sequence[Comment],
    spam: NDArray[np.bool_],
    asked: Sequence[Comment],
    choice: Mapping[str, float],
) -> NDArray[np.float64]:
    """The spamicity of each comment `asked`, after learning all the others; nothing is learnt by asking."""
    words = folder / "words"
    words.mkdir(exist_ok=True)
    words.chmod(0o777)
    for old in words.iterdir():
        old.unlink()
    command = ["bogofilter", "-C", "-d", str(words)]
    for option, label in (("-s", True), ("-n", False)):
        box = mbox(wrapped(comment) for comment, flag in zip(learnt, spam, strict=True) if flag == label)
        run([*command, option, "-M"], folder, box)
    settings = folder / "bogofilter.cf"
    settings.write_text("".join(f"{name}={value}\n" for name, value in choice.items()), "utf-8")
    asking = ["bogofilter", "-c", str(settings), "-d", str(words), "-M", "-TT"]
    printed = run(asking, folder, mbox(wrapped(comment) for comment in asked))
    return parsed(printed, len(asked))


def parsed(printed: bytes, expected: int) -> NDArray[np.float64]:
    """The numbers that `bogofilter -TT` prints, one a line; raises `ValueError` unless there are `expected`."""
    scores = np.array([float(line) for line in printed.split()])
    if len(scores) != expected:
        raise ValueError(f"bogofilter judged {len(scores)} of {expected} messages")
    return scores
