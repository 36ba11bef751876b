"""`make bench-peers`: bogofilter, SpamAssassin, rspamd and scikit-learn on the same work as ours.

Mail filters read each comment as mail: author and mailbox in From, the author's address at the end of the text. The
baselines read the text; the blend reads author and address too. Settings are chosen on a quarter of what a peer may
learn from, cut by template, and so is the cut of a mail filter where labels are asked for: none of them is meant to be
cut at one half. The baselines are cut there.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from moderation.domain.comment import Comment
from moderation.learning.recipe import Recipe
from moderation.learning.templates import side
from tests.benchmarks import data
from tests.benchmarks.peers import bogofilter, installation, pipelines, rspamd, spamassassin
from tests.benchmarks.peers.daemons import PeerFailed, workplace
from tests.benchmarks.peers.questions import Labelled, Part, Question, all_sides, of_blog, of_videos
from tests.benchmarks.peers.table import Found, compared, section, unmeasured
from tests.benchmarks.quality import SPAM_BLOGS
from tests.benchmarks.rows import BUILD, Row

Choice = Mapping[str, float]
Judge = Callable[[Sequence[Comment], NDArray[np.bool_], Sequence[Comment], Choice], NDArray[np.float64]]

MOST_TUNED = 4_000
"""Comments that settings are chosen on, the held-back quarter among them."""

_HELD_BACK = 0.25
_EVEN = 0.5


@dataclass(frozen=True, slots=True)
class Peer:
    """Another filter: how it judges after learning, what its settings may be, and whether one half is its cut."""

    name: str
    judge: Judge
    choices: Sequence[Choice] = ({},)
    even: bool = True


def measure() -> list[Row]:
    """One row for each figure and peer; the section for docs/quality.md goes to `build/bench/peers.md`."""
    folder = data.folder()
    if folder is None:
        return data.absent("other filters on the same work")
    installation.install()
    questions = read_questions(folder)
    missing: list[Row] = []
    with standing(missing) as peers:
        found = [found_by(peers, question, missing) for question in questions]
    BUILD.mkdir(parents=True, exist_ok=True)
    written = section(found, time.strftime("%d %B %Y").removeprefix("0"))
    (BUILD / "peers.md").write_text(written, "utf-8")
    print(written)
    return [*(row for one in found for row in compared(one)), *missing]


def read_questions(folder: Path) -> list[Question]:
    """Every question that the folder has the comments for."""
    corpus, recipe = data.read_all(folder), Recipe.from_file(data.RECIPE)
    sides = all_sides(corpus)
    return [
        *of_videos(folder / "youtube_uci.csv.gz"),
        *(of_blog(corpus, sides, blog, recipe) for blog in SPAM_BLOGS),
    ]


@contextmanager
def standing(missing: list[Row]) -> Iterator[list[Peer]]:
    """The peers that can be measured here, with what they need running; the others are added to what is `missing`."""
    with ExitStack() as stack:
        # Told to end, Python would leave the servers running; as an exit it passes through every block that stops one.
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)))
        folder = stack.enter_context(workplace())
        peers = list(BASELINES)
        for name, stand in MAIL_FILTERS.items():
            why = installation.lacking(name)
            try:
                if why is None:
                    peers.append(stand(folder, stack))
            except PeerFailed as error:
                why = f"not measured here: {error}"
            if why is not None:
                missing.append(unmeasured(name, why))
        yield peers


def _bogofilter(folder: Path, _: ExitStack) -> Peer:
    return Peer("bogofilter", partial(bogofilter.judge, folder), bogofilter.CHOICES, even=False)


def _spamassassin(folder: Path, _: ExitStack) -> Peer:
    return Peer("SpamAssassin", partial(spamassassin.judge, folder), even=False)


def _rspamd(folder: Path, stack: ExitStack) -> Peer:
    return Peer("rspamd", stack.enter_context(rspamd.running(folder)).judge, rspamd.CHOICES, even=False)


MAIL_FILTERS = {"bogofilter": _bogofilter, "SpamAssassin": _spamassassin, "rspamd": _rspamd}

BASELINES = (
    Peer("words, NB", partial(pipelines.judge, pipelines.words_bayes), pipelines.SMOOTHING),
    Peer("words, LR", partial(pipelines.judge, pipelines.words_logistic), pipelines.STRENGTH),
    Peer("words, SVM", partial(pipelines.judge, pipelines.words_svm), pipelines.SVM_STRENGTH),
    Peer("characters, LR", partial(pipelines.judge, pipelines.characters_logistic), pipelines.STRENGTH),
    Peer("blend, LR", partial(pipelines.judge, pipelines.blend), pipelines.STRENGTH),
)


def found_by(peers: Sequence[Peer], question: Question, missing: list[Row]) -> Found:
    """The figures of every peer; one that breaks down is added to what is `missing`, and why."""
    figures = {}
    for peer in peers:
        try:
            figures[peer.name] = asked(peer, question)
        except (PeerFailed, OSError, HTTPException) as error:
            missing.append(unmeasured(f"{question.name}: {peer.name}", f"not measured here: {error}"))
    return Found(question, figures)


def asked(peer: Peer, question: Question) -> dict[str, float]:
    """A peer's figures for one question; raises what its `judge` raises."""
    start = time.monotonic()
    once = tuned(peer, question.tuning, question.ranking) if question.tuning else None
    found = [_answered(peer, part, once or tuned(peer, part.learnt, question.ranking)) for part in _merged(question)]
    scores, cuts = _apart(question, found)
    figures = question.figures(scores, cuts)
    shown = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
    print(f"{question.name}: {peer.name}: {shown} ({time.monotonic() - start:.0f} s)", flush=True)
    return figures


def _answered(peer: Peer, part: Part, settings: tuple[Choice, float]) -> tuple[NDArray[np.float64], float]:
    choice, cut = settings
    return peer.judge(part.learnt.comments, part.learnt.spam, part.asked.comments, choice), cut


def _merged(question: Question) -> list[Part]:
    """The parts, those that learn from the very same comments put together: nobody learns them five times."""
    first = question.parts[0].learnt
    if len(question.parts) == 1 or any(part.learnt is not first for part in question.parts):
        return list(question.parts)
    comments = [comment for part in question.parts for comment in part.asked.comments]
    return [Part(first, Labelled(comments, np.concatenate([part.asked.spam for part in question.parts])))]


def _apart(
    question: Question, found: Sequence[tuple[NDArray[np.float64], float]]
) -> tuple[list[NDArray[np.float64]], list[float]]:
    """Scores and cuts, part by part as the question has them."""
    if len(found) == len(question.parts):
        return [scores for scores, _ in found], [cut for _, cut in found]
    ends = np.cumsum([len(part.asked.comments) for part in question.parts])
    return np.split(found[0][0], ends[:-1]), [found[0][1]] * len(question.parts)


def tuned(peer: Peer, training: Labelled, ranking: bool) -> tuple[Choice, float]:
    """The settings with the largest ROC AUC on a held-back quarter of the training, and the cut with the best MCC.

    Where there is nothing to choose, nothing is tried: a peer of one setting is cut only if labels are asked for.
    """
    cut_wanted = not peer.even and not ranking
    if len(peer.choices) == 1 and not cut_wanted:
        return peer.choices[0], _EVEN
    ranks = label_ranks(np.array([side(comment) for comment in training.comments]), training.spam)
    kept = min(1.0, MOST_TUNED / len(ranks))
    held = ranks < _HELD_BACK * kept
    learnt, asked_ = training.where(~held & (ranks < kept)), training.where(held)
    tries = [peer.judge(learnt.comments, learnt.spam, asked_.comments, choice) for choice in peer.choices]
    best = int(np.argmax([roc_auc_score(asked_.spam, scores) for scores in tries]))
    return peer.choices[best], best_cut(tries[best], asked_.spam) if cut_wanted else _EVEN


def label_ranks(sides: NDArray[np.float64], spam: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of comments of the same label whose side is smaller: even within 0 and 1 wherever the sides lie.

    What a blog left out is learnt from was chosen by its side, so the sides themselves are crowded. Equal sides have
    equal ranks: a template stays together.
    """
    ranks = np.zeros(len(sides))
    for flags in (spam, ~spam):
        ranks[flags] = np.searchsorted(np.sort(sides[flags]), sides[flags]) / max(1, int(flags.sum()))
    return ranks


def best_cut(scores: NDArray[np.float64], spam: NDArray[np.bool_]) -> float:
    """The cut with the largest Matthews correlation, midway between two scores; the lowest of equals."""
    distinct = np.unique(scores)
    cuts = np.append((distinct[1:] + distinct[:-1]) / 2, _EVEN)
    found = [matthews_corrcoef(spam, scores >= cut) for cut in cuts]
    return float(cuts[int(np.argmax(found))])
