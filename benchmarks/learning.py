"""`make bench-learning`: streams of comments on a fresh site whose weights follow each label.

Its review threshold follows too, as at the service. A person sees each held comment, finds half of the wrong verdicts,
and looks at one in ten of the comments that were published rightly. The frozen model and two mail filters score the
same comments; the filters learn the same labels.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks import data
from benchmarks.campaigns import LABELS, find_campaigns, remaining_members
from benchmarks.label_streams import Stream, find_models, streams
from benchmarks.peers import installation
from benchmarks.peers.label_streams import running_filters, score_stream
from benchmarks.rows import BUILD, Row, at_least, at_most, figure
from moderation.domain.budget import Budget
from moderation.domain.decision import Label, LabelValue
from moderation.domain.review_lowering import MAX_COMMENTS, Outcome, find_outcome, review_lowering
from moderation.domain.thresholds import Thresholds, Verdict, lower
from moderation.features.label_features import LabelFeatures
from moderation.features.memory_keys import find_memory_keys, similarity
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.model import score
from moderation.scoring.site_weights import Lesson, SiteWeights

BANDS = ((0, 20), (20, 50), (50, 100), (100, 10**9))
"""Labels given before a comment: from, and below."""
WINDOW_HAM = 400
_START = datetime(2026, 1, 1, tzinfo=UTC)
_SEED = 17
_NEAR = 0.8
_FOUND_ERRORS, _SEEN_HAM = 0.5, 0.1
_LABELS = {True: LabelValue.SPAM, False: LabelValue.HAM}

Logits = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Run:
    """A stream as scored: logits of the learning site, of the frozen model and of other filters, by comment.

    `review_logits` are the review thresholds of the learning site, by comment,.
    `labels` is the number of labels given before a comment. `near_right` has the verdicts on near-duplicates of
    labelled comments with the same truth: how many of these there were, and whether the verdict was right.
    """

    stream: Stream
    logits: Logits
    frozen: Logits
    review_logits: Logits
    peers: Mapping[str, Logits]
    labels: NDArray[np.int64]
    near_right: Sequence[tuple[int, bool]]

    def review(self, logits: Logits) -> Logits:
        """Return the review thresholds as logits, by comment: those of the learning site, or the model's for others."""
        model = np.full(len(logits), _logit(self.stream.model.thresholds.review))
        return self.review_logits if logits is self.logits else model

    @property
    def spam_threshold(self) -> float:
        """The spam threshold as a logit."""
        return _logit(self.stream.model.thresholds.spam)

    def caught(self, logits: Logits, band: tuple[int, int] = (0, 10**9)) -> float:
        """Return the part of the spam within a band of labels that is held or blocked; NaN without any."""
        return _mean((logits >= self.review(logits))[self._spam_in(band)])

    def unblocked(self, logits: Logits, band: tuple[int, int]) -> float:
        """Return the part of the spam within a band of labels that is not blocked; NaN without any."""
        return _mean(logits[self._spam_in(band)] < self.spam_threshold)

    def ham_rates(self, logits: Logits) -> tuple[float, float]:
        """Return lost and held ham: the worst window of `WINDOW_HAM` comments, or all if there are fewer."""
        lost = logits >= self.spam_threshold
        held = (logits >= self.review(logits)) & ~lost
        return self._worst_window(lost), self._worst_window(held)

    def error(self, logits: Logits) -> float:
        """Return 1 - AUC over the whole stream."""
        return 1.0 - float(roc_auc_score(self.stream.spam, logits))

    def _worst_window(self, mask: Mask) -> float:
        of_ham = mask[~self.stream.spam]
        windows = np.lib.stride_tricks.sliding_window_view(of_ham, min(WINDOW_HAM, len(of_ham)))
        return float(windows.mean(axis=1).max())

    def _spam_in(self, band: tuple[int, int]) -> Mask:
        mask: Mask = self.stream.spam & (self.labels >= band[0]) & (self.labels < band[1])
        return mask


def measure(only: Sequence[str] = ()) -> list[Row]:
    """Run the streams with these names, or all, and write `build/bench/learning.md` and `.svg`."""
    folder = data.folder()
    if folder is None:
        return data.no_folder("learning from each label")
    installation.install()
    chosen = [each for each in streams(folder, find_models(folder)) if not only or each.name in only]
    missing: list[Row] = []
    runs = []
    with running_filters(missing) as filters:
        for stream in chosen:
            started = time.monotonic()
            run, labelled = follow(stream)
            peers = {name: score_stream(each, stream, labelled, missing) for name, each in filters.items()}
            runs.append(replace(run, peers=_complete(peers)))
            print(f"{_line(runs[-1])} ({time.monotonic() - started:.0f} s)", flush=True)
    write_report(runs)
    return [*missing, *[row for run in runs for row in _rows(run)]]


def follow(stream: Stream) -> tuple[Run, list[int]]:
    """Score a stream, label by label. Returns also the numbers of the labelled comments in order."""
    draws = np.random.default_rng(_SEED).random(len(stream.comments))
    scores = np.zeros((3, len(draws)))
    outcomes: list[Outcome | None] = []
    labels = np.zeros(len(draws), dtype=np.int64)
    near_right: list[tuple[int, bool]] = []
    labelled: list[int] = []
    lessons: list[Lesson] = []
    weights: SiteWeights | None = None
    sketches: list[tuple[int, ...]] = []
    for number, comment in enumerate(stream.comments):
        parsed, is_spam = ParsedComment(comment), bool(stream.spam[number])
        thresholds = _lowered(stream.model.thresholds, outcomes)
        frozen = score(stream.model, parsed)
        learnt = score(stream.model, parsed, site_weights=weights, thresholds=thresholds) if weights else frozen
        scores[:, number] = learnt.logit, frozen.logit, _logit(thresholds.review)
        labels[number] = len(lessons)
        zone = _zone(thresholds, learnt.probability)
        sketch = find_memory_keys(parsed).sketch
        alike = [bool(stream.spam[labelled[at]]) for at, other in enumerate(sketches) if _is_near(sketch, other)]
        if alike and all(truth == is_spam for truth in alike):
            near_right.append((len(alike), (zone > 0) == is_spam))
        is_labelled = _is_labelled(zone, is_spam, float(draws[number]))
        outcomes.append(_outcome(zone, is_spam if is_labelled else None))
        if is_labelled:
            labelled.append(number)
            sketches.append(sketch)
            lessons.append(_lesson(len(lessons) + 1, parsed, is_spam))
            weights = SiteWeights.learn(stream.model, lessons, weights)
    return Run(stream, scores[0], scores[1], scores[2], {}, labels, near_right), labelled


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
    for known, words in ((True, "one labelled comment"), (False, "several")):
        right = np.array([each for count, each in run.near_right if (count == 1) == known])
        if len(right):
            rows.append(at_least(f"{name}: near-duplicates of {words} right", _mean(right), 1.0, "proportion"))
    if len(late := remaining_members(find_campaigns(run.stream), run.labels)):
        caught = _mean((run.logits >= run.review(run.logits))[late])
        rows.append(at_least(f"{name}: caught of campaigns after {LABELS} labels", caught, 0.85, "proportion"))
        rows.append(figure(f"{name}: remaining members of campaigns", len(late), "comments"))
    for peer, logits in run.peers.items():
        rows.append(at_most(f"{name}: 1 - AUC by that of {peer}", run.error(run.logits) / run.error(logits), 0.5, ""))
    return [*rows, figure(f"{name}: labels", int(run.labels.max()), "labels")]


def _lesson(number: int, parsed: ParsedComment, is_spam: bool) -> Lesson:
    label = Label(_LABELS[is_spam], "moderator", "queue", _START + timedelta(minutes=number))
    return Lesson(label, number, number, LabelFeatures.of(parsed))


def _is_labelled(zone: int, is_spam: bool, draw: float) -> bool:
    is_wrong = zone == 0 if is_spam else zone == 2
    return zone == 1 or (is_wrong and draw < _FOUND_ERRORS) or (zone == 0 and not is_spam and draw < _SEEN_HAM)


def _is_near(sketch: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return bool(sketch and other) and similarity(sketch, other) >= _NEAR


def _lowered(thresholds: Thresholds, outcomes: Sequence[Outcome | None]) -> Thresholds:
    newest = [outcome for outcome in outcomes[-MAX_COMMENTS:] if outcome]
    return replace(thresholds, review=lower(thresholds.review, review_lowering(newest, Budget().held)))


def _outcome(zone: int, label: bool | None) -> Outcome | None:
    verdict = (Verdict.PUBLISH, Verdict.REVIEW, Verdict.SPAM)[zone]
    value = None if label is None else _LABELS[label]
    return find_outcome(verdict, value, is_single=True, removed=False)


def _zone(thresholds: Thresholds, probability: float) -> int:
    return int(probability >= thresholds.review) + int(probability >= thresholds.spam)


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
