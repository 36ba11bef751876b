"""`make bench-learning`: streams of comments on a fresh site whose weights follow each label.

A person sees each held comment, finds half of the wrong verdicts, and looks at one in ten of the comments that were
published rightly. The frozen model and two mail filters score the same comments; the filters learn the same labels.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks import data
from benchmarks.label_streams import Stream, streams, train_models
from benchmarks.peers import installation
from benchmarks.peers.label_streams import running_filters, score_stream
from benchmarks.rows import BUILD, Row, at_least, at_most, figure
from moderation.domain.decision import Label, LabelValue
from moderation.features.label_features import LabelFeatures
from moderation.features.memory_keys import find_memory_keys, similarity
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.model import Model, score
from moderation.scoring.site_weights import Lesson, SiteWeights

BANDS = ((0, 20), (20, 50), (50, 100), (100, 10**9))
"""Labels given before a comment: from, and below."""
WINDOW_HAM = 400
_START = datetime(2026, 1, 1, tzinfo=UTC)
_SEED = 17
_NEAR = 0.8
_FOUND_ERRORS, _SEEN_HAM = 0.5, 0.1

Logits = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Run:
    """A stream as scored: logits of the learning site, of the frozen model and of other filters, by comment.

    `labels` is the number of labels given before a comment. `near_right` are the verdicts on near-duplicates of
    comments with the same label, whether each was right.
    """

    stream: Stream
    logits: Logits
    frozen: Logits
    peers: Mapping[str, Logits]
    labels: NDArray[np.int64]
    near_right: Sequence[bool]

    @property
    def review(self) -> float:
        """The review threshold as a logit."""
        return _logit(self.stream.model.thresholds.review)

    @property
    def spam_threshold(self) -> float:
        """The spam threshold as a logit."""
        return _logit(self.stream.model.thresholds.spam)

    def caught(self, logits: Logits, band: tuple[int, int] = (0, 10**9)) -> float:
        """Return the part of the spam within a band of labels that is held or blocked; NaN without any."""
        return _mean(logits[self._spam_in(band)] >= self.review)

    def unblocked(self, logits: Logits, band: tuple[int, int]) -> float:
        """Return the part of the spam within a band of labels that is not blocked; NaN without any."""
        return _mean(logits[self._spam_in(band)] < self.spam_threshold)

    def ham_rates(self, logits: Logits) -> tuple[float, float]:
        """Return lost and held ham: the worst window of `WINDOW_HAM` comments, or all if there are fewer."""
        ham = logits[~self.stream.spam]
        windows = np.lib.stride_tricks.sliding_window_view(ham, min(WINDOW_HAM, len(ham)))
        lost = windows >= self.spam_threshold
        held = (windows >= self.review) & ~lost
        return float(lost.mean(axis=1).max()), float(held.mean(axis=1).max())

    def error(self, logits: Logits) -> float:
        """Return 1 - AUC over the whole stream."""
        return 1.0 - float(roc_auc_score(self.stream.spam, logits))

    def _spam_in(self, band: tuple[int, int]) -> Mask:
        mask: Mask = self.stream.spam & (self.labels >= band[0]) & (self.labels < band[1])
        return mask


def measure(models: Mapping[str, Model] | None = None, only: Sequence[str] = ()) -> list[Row]:
    """Run all streams and write `build/bench/learning.md` and `.svg`.

    `models` are those of an earlier call of `train_models`; `only` names streams.
    """
    folder = data.folder()
    if folder is None:
        return data.no_folder("learning from each label")
    installation.install()
    chosen = [each for each in streams(folder, dict(models or train_models(folder))) if not only or each.name in only]
    missing: list[Row] = []
    runs = []
    with running_filters(missing) as filters:
        for stream in chosen:
            started = time.monotonic()
            run, labelled = follow(stream)
            peers = {name: score_stream(each, stream, labelled, missing) for name, each in filters.items()}
            runs.append(Run(run.stream, run.logits, run.frozen, _complete(peers), run.labels, run.near_right))
            print(f"{_line(runs[-1])} ({time.monotonic() - started:.0f} s)", flush=True)
    write_report(runs)
    return [*missing, *[row for run in runs for row in _rows(run)]]


def follow(stream: Stream) -> tuple[Run, list[int]]:
    """Score a stream, label by label. Returns also the numbers of the labelled comments in order."""
    draws = np.random.default_rng(_SEED).random(len(stream.comments))
    scores = np.zeros((2, len(draws)))
    labels = np.zeros(len(draws), dtype=np.int64)
    near_right: list[bool] = []
    labelled: list[int] = []
    lessons: list[Lesson] = []
    weights: SiteWeights | None = None
    sketches: list[tuple[int, ...]] = []
    for number, comment in enumerate(stream.comments):
        parsed, is_spam = ParsedComment(comment), bool(stream.spam[number])
        frozen = score(stream.model, parsed)
        learnt = score(stream.model, parsed, site_weights=weights) if weights else frozen
        scores[:, number] = learnt.logit, frozen.logit
        labels[number] = len(lessons)
        zone = _zone(stream.model, learnt.probability)
        sketch = find_memory_keys(parsed).sketch
        alike = {bool(stream.spam[labelled[at]]) for at, other in enumerate(sketches) if _is_near(sketch, other)}
        if alike == {is_spam}:
            near_right.append((zone > 0) == is_spam)
        if _is_labelled(zone, is_spam, float(draws[number])):
            labelled.append(number)
            sketches.append(sketch)
            lessons.append(_lesson(len(lessons) + 1, parsed, is_spam))
            weights = SiteWeights.learn(stream.model, lessons, weights)
    return Run(stream, scores[0], scores[1], {}, labels, near_right), labelled


def write_report(runs: Sequence[Run]) -> None:
    """Write a table in Markdown and a plot of the catch by labels."""
    from matplotlib.figure import Figure

    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "learning.md").write_text(render_table(runs), "utf-8")
    drawing = Figure(figsize=(9.0, 5.0))
    axes = drawing.subplots()
    for run in runs:
        edges = range(0, int(run.labels.max()) + 1, 25)
        rates = [run.caught(run.logits, (edge, edge + 25)) for edge in edges]
        axes.plot([edge + 12.5 for edge in edges], rates, label=run.stream.name)
    axes.set(xlabel="labels given", ylabel="spam held or blocked", ylim=(0.0, 1.02), xlim=(0.0, 400.0))
    axes.legend(fontsize="x-small", ncols=2)
    drawing.savefig(BUILD / "learning.svg", metadata={"Date": None})


def render_table(runs: Sequence[Run]) -> str:
    """Return the table of docs/learning.md, percentages unless said otherwise."""
    peers = list(dict.fromkeys(name for run in runs for name in run.peers))
    columns = [
        "stream",
        "spam, ham",
        "labels",
        "caught frozen",
        *[f"{low}-{high}" if high < 10**9 else f"{low}-" for low, high in BANDS],
        "lost (frozen)",
        "held (frozen)",
        "1 - AUC",
        "frozen",
        *peers,
    ]
    lines = [" | ".join(columns), " | ".join(["---"] + ["--:"] * (len(columns) - 1))]
    for run in runs:
        spam = run.stream.spam
        (lost, held), (frozen_lost, frozen_held) = run.ham_rates(run.logits), run.ham_rates(run.frozen)
        cells = [
            run.stream.name,
            f"{spam.sum()}, {(~spam).sum()}",
            str(int(run.labels.max())),
            _percent(run.caught(run.frozen)),
            *[_percent(run.caught(run.logits, band)) for band in BANDS],
            f"{_percent(lost)} ({_percent(frozen_lost)})",
            f"{_percent(held)} ({_percent(frozen_held)})",
            f"{run.error(run.logits):.4f}",
            f"{run.error(run.frozen):.4f}",
            *[f"{run.error(run.peers[name]):.4f}" if name in run.peers else "-" for name in peers],
        ]
        lines.append(" | ".join(cells))
    return "".join(f"| {line} |\n" for line in lines)


def _rows(run: Run) -> list[Row]:
    name = run.stream.name
    (lost, held), (_, frozen_held) = run.ham_rates(run.logits), run.ham_rates(run.frozen)
    rows = [
        at_most(f"{name}: lost ham, worst window", lost, 0.005, "proportion"),
        at_most(f"{name}: held ham, worst window", held, max(0.04, frozen_held), "proportion"),
        at_most(f"{name}: 1 - AUC by that of the frozen model", run.error(run.logits) / run.error(run.frozen), 0.6, ""),
    ]
    is_hard = run.caught(run.frozen) < 0.5
    for band, bar in ((BANDS[2], 0.75 if is_hard else None), (BANDS[3], 0.85 if is_hard else 0.98)):
        caught = run.caught(run.logits, band)
        if bar is not None and not np.isnan(caught):
            rows.append(at_least(f"{name}: caught after {band[0]} labels", caught, bar, "proportion"))
    before, after = run.unblocked(run.frozen, (200, 10**9)), run.unblocked(run.logits, (200, 10**9))
    if before > 0.0:
        rows.append(at_most(f"{name}: spam not blocked after 200 labels, by frozen", after / before, 0.5, "ratio"))
    if run.near_right:
        right = float(np.mean(run.near_right))
        rows.append(at_least(f"{name}: near-duplicates of a labelled comment right", right, 1.0, "proportion"))
    for peer, logits in run.peers.items():
        rows.append(at_most(f"{name}: 1 - AUC by that of {peer}", run.error(run.logits) / run.error(logits), 0.5, ""))
    return [*rows, figure(f"{name}: labels", int(run.labels.max()), "labels")]


def _lesson(number: int, parsed: ParsedComment, is_spam: bool) -> Lesson:
    value = LabelValue.SPAM if is_spam else LabelValue.HAM
    label = Label(value, "moderator", "queue", _START + timedelta(minutes=number))
    return Lesson(label, number, number, LabelFeatures.of(parsed))


def _is_labelled(zone: int, is_spam: bool, draw: float) -> bool:
    is_wrong = zone == 0 if is_spam else zone == 2
    return zone == 1 or (is_wrong and draw < _FOUND_ERRORS) or (zone == 0 and not is_spam and draw < _SEEN_HAM)


def _is_near(sketch: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return bool(sketch and other) and similarity(sketch, other) >= _NEAR


def _zone(model: Model, probability: float) -> int:
    return int(probability >= model.thresholds.review) + int(probability >= model.thresholds.spam)


def _complete(peers: Mapping[str, Logits | None]) -> dict[str, Logits]:
    return {name: scores for name, scores in peers.items() if scores is not None}


def _line(run: Run) -> str:
    return render_table([run]).splitlines()[-1]


def _mean(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _percent(rate: float) -> str:
    return "-" if np.isnan(rate) else f"{100 * rate:.1f}"


def _logit(probability: float) -> float:
    return float(np.log(probability / (1.0 - probability)))
