"""Baselines of scikit-learn: text classification pipelines as its tutorials build them."""

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

Params = Mapping[str, float]

ALPHAS: tuple[Params, ...] = tuple({"alpha": alpha} for alpha in (0.01, 0.1, 1.0))
C_VALUES: tuple[Params, ...] = tuple({"C": value} for value in (1.0, 10.0, 100.0))
SVM_C_VALUES: tuple[Params, ...] = tuple({"C": value} for value in (0.1, 1.0, 10.0))


def words_bayes(params: Params) -> Pipeline:
    """Build TF-IDF of words 1-2 with multinomial naive Bayes."""
    return make_pipeline(_texts(), _words(), MultinomialNB(alpha=params["alpha"]))


def words_logistic(params: Params) -> Pipeline:
    """Build TF-IDF of words 1-2 with logistic regression."""
    return make_pipeline(_texts(), _words(), _logistic(params))


def words_svm(params: Params) -> Pipeline:
    """Build TF-IDF of words 1-2 with a linear support vector machine, calibrated by three folds."""
    classifier = CalibratedClassifierCV(LinearSVC(C=params["C"], random_state=0), cv=3)
    return make_pipeline(_texts(), _words(), classifier)


def characters_logistic(params: Params) -> Pipeline:
    """Build TF-IDF of characters 2-5 with logistic regression."""
    return make_pipeline(_texts(), _characters(), _logistic(params))


def blend(params: Params) -> Pipeline:
    """Build a logistic regression on text, author, URL and nine counts.

    Text: words 1-2 and characters 2-5. Author: words. URL: characters 3-5.
    """
    parts = make_union(
        make_pipeline(_texts(), _words()),
        make_pipeline(_texts(), _characters()),
        make_pipeline(FunctionTransformer(_authors), TfidfVectorizer(sublinear_tf=True, token_pattern=r"\S+")),
        make_pipeline(FunctionTransformer(_urls), TfidfVectorizer(analyzer="char", ngram_range=(3, 5), min_df=2)),
        make_pipeline(FunctionTransformer(counts), MaxAbsScaler()),
    )
    return make_pipeline(parts, _logistic(params))


def fit_predict(
    build: Callable[[Params], Pipeline],
    train_set: Sequence[Comment],
    spam: NDArray[np.bool_],
    test_set: Sequence[Comment],
    params: Params,
) -> NDArray[np.float64]:
    """Fit a pipeline on one set and return the spam probability of each comment of the other."""
    return np.asarray(build(params).fit(train_set, spam).predict_proba(test_set)[:, 1], dtype=np.float64)


def counts(comments: Sequence[Comment]) -> NDArray[np.float64]:
    """Return nine counts as an array (comments, 9).

    They are length, links, tags, capitals, digits, marks, letters beyond Latin, line breaks and repetition.
    """
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
    # Without a word in every comment the vocabulary would be empty for a source without authors, and `fit` would fail.
    return [f"author: {comment.author or ''}" for comment in comments]


def _urls(comments: Sequence[Comment]) -> list[str]:
    return [f"address: {comment.url or ''}" for comment in comments]


def _words() -> TfidfVectorizer:
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode")


def _characters() -> TfidfVectorizer:
    return TfidfVectorizer(analyzer="char", ngram_range=(2, 5), sublinear_tf=True, min_df=2)


def _logistic(params: Params) -> Any:
    return LogisticRegression(C=params["C"], solver="liblinear")
