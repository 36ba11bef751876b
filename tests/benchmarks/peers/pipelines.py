"""What a weekend with scikit-learn gives: the baselines that a filter has to be worth more than."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler
from sklearn.svm import LinearSVC

from moderation.domain.comment import Comment

Choice = Mapping[str, float]

SMOOTHING: tuple[Choice, ...] = tuple({"alpha": alpha} for alpha in (0.01, 0.1, 1.0))
STRENGTH: tuple[Choice, ...] = tuple({"C": strength} for strength in (1.0, 10.0, 100.0))
SVM_STRENGTH: tuple[Choice, ...] = tuple({"C": strength} for strength in (0.1, 1.0, 10.0))


def words_bayes(choice: Choice) -> Pipeline:
    """TF-IDF of words 1-2, multinomial naive Bayes."""
    return make_pipeline(_texts(), _words(), MultinomialNB(alpha=choice["alpha"]))


def words_logistic(choice: Choice) -> Pipeline:
    """TF-IDF of words 1-2, logistic regression."""
    return make_pipeline(_texts(), _words(), _logistic(choice))


def words_svm(choice: Choice) -> Pipeline:
    """TF-IDF of words 1-2, a linear support vector machine, calibrated by three folds."""
    machine = CalibratedClassifierCV(LinearSVC(C=choice["C"], random_state=0), cv=3)
    return make_pipeline(_texts(), _words(), machine)


def characters_logistic(choice: Choice) -> Pipeline:
    """TF-IDF of characters 2-5, logistic regression."""
    return make_pipeline(_texts(), _characters(), _logistic(choice))


def blend(choice: Choice) -> Pipeline:
    """Words 1-2 and characters 2-5 of the text, words of the author, characters of the address, nine counts."""
    parts = make_union(
        make_pipeline(_texts(), _words()),
        make_pipeline(_texts(), _characters()),
        make_pipeline(FunctionTransformer(_authors), TfidfVectorizer(sublinear_tf=True, token_pattern=r"\S+")),
        make_pipeline(FunctionTransformer(_addresses), TfidfVectorizer(analyzer="char", ngram_range=(3, 5), min_df=2)),
        make_pipeline(FunctionTransformer(counts), MaxAbsScaler()),
    )
    return make_pipeline(parts, _logistic(choice))


def judge(
    build: Callable[[Choice], Pipeline],
    learnt: Sequence[Comment],
    spam: NDArray[np.bool_],
    asked: Sequence[Comment],
    choice: Choice,
) -> NDArray[np.float64]:
    """The probability of each comment `asked`, by a pipeline fitted on the others."""
    return np.asarray(build(choice).fit(learnt, spam).predict_proba(asked)[:, 1], dtype=np.float64)


def counts(comments: Sequence[Comment]) -> NDArray[np.float64]:
    """A handful of counts (comments, 9): length, links, tags, capitals, digits, marks, scripts, lines, repetition."""
    return np.array([_counts(comment.text) for comment in comments], dtype=np.float64)


def _counts(text: str) -> list[float]:
    length, words = max(1, len(text)), text.lower().split()
    return [
        float(np.log1p(len(text))),
        float(np.log1p(text.count("http") + text.count("www."))),
        float(np.log1p(text.count("<"))),
        sum(letter.isupper() for letter in text) / length,
        sum(letter.isdigit() for letter in text) / length,
        sum(letter in "!?$%*" for letter in text) / length,
        sum(ord(letter) > 0x24F for letter in text) / length,
        float(np.log1p(text.count("\n"))),
        1 - len(set(words)) / max(1, len(words)),
    ]


def _texts() -> FunctionTransformer:
    return FunctionTransformer(lambda comments: [comment.text for comment in comments])


def _authors(comments: Sequence[Comment]) -> list[str]:
    # A word of its own keeps the vocabulary from being empty where no comment names an author.
    return [f"author: {comment.author or ''}" for comment in comments]


def _addresses(comments: Sequence[Comment]) -> list[str]:
    return [f"address: {comment.url or ''}" for comment in comments]


def _words() -> TfidfVectorizer:
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode")


def _characters() -> TfidfVectorizer:
    return TfidfVectorizer(analyzer="char", ngram_range=(2, 5), sublinear_tf=True, min_df=2)


def _logistic(choice: Choice) -> Any:
    return LogisticRegression(C=choice["C"], solver="liblinear")
