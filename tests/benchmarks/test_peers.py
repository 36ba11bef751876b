"""The comparison with other filters, as far as it runs without them."""

import json
import mailbox
from collections.abc import Sequence
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.peers import bogofilter, installation, pipelines, rspamd, spamassassin, tasks
from benchmarks.peers.comparison import (
    BASELINES,
    MAIL_FILTERS,
    Peer,
    best_cutoff,
    evaluate,
    label_ranks,
    run_task,
    running_peers,
)
from benchmarks.peers.daemons import PeerFailed
from benchmarks.peers.mail import mbox, repeat_text, to_mail
from benchmarks.peers.table import TaskResult, comparison_rows, render_section
from benchmarks.peers.tasks import (
    BRIER,
    CAUGHT_AT_1_PERCENT,
    CAUGHT_AT_HALF_PERCENT,
    MEAN_MCC,
    ROC_AUC,
    LabelledComments,
    Task,
    TrainTestSplit,
    ranking_metrics,
    select_rows,
)
from benchmarks.rows import Row
from moderation.domain.comment import Comment
from moderation.training.corpus import Corpus, SourceFile

FIELDS = st.none() | st.text(max_size=60)
OFFERS = [Comment(f"cheap watches in shop number {n}, order today", author="Watches") for n in range(30)]
THANKS = [Comment(f"thank you, step {n} was what I had missed", author="Ann") for n in range(30)]


@given(st.builds(Comment, st.text(max_size=300), author=FIELDS, url=FIELDS, email=FIELDS, context=FIELDS))
def test_no_comment_can_forge_a_header(comment: Comment) -> None:
    """A comment that writes its own headers would be scored by them."""
    message = message_from_bytes(to_mail(comment, 7))
    assert set(message.keys()) <= {
        "Message-ID",
        "From",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    }
    assert len(message.keys()) == len(set(message.keys()))
    assert message["Message-ID"] == "<7@comments.invalid>"


def test_a_mail_has_author_email_and_url_but_no_title() -> None:
    """The page's title would mislead a filter on a page that was not in its training data."""
    comment = Comment("Thank you", author="Zoë", email="zoe@blog.example", url="http://zoe.example/", context="On wind")
    message = message_from_bytes(to_mail(comment, 0))
    assert str(make_header(decode_header(message["From"]))) == "Zoë <zoe@blog.example>"
    assert message["Subject"] is None
    assert _text(message) == "Thank you\n\nhttp://zoe.example/\n"


def test_unknown_fields_add_nothing_to_the_mail() -> None:
    """Otherwise a filter would learn which source has which fields."""
    message = message_from_bytes(to_mail(Comment("Thank you", author="", email="", url=""), 0))
    assert message["From"] is None
    assert _text(message) == "Thank you\n"


@given(st.lists(st.text(max_size=80).map(lambda text: Comment(f"From {text}\nFrom x\n\nFrom {text}")), max_size=4))
def test_an_mbox_has_as_many_messages_as_comments(
    tmp_path_factory: pytest.TempPathFactory, texts: list[Comment]
) -> None:
    """A text that starts another message would shift all later scores by one."""
    path = tmp_path_factory.mktemp("mbox") / "box"
    path.write_bytes(mbox(to_mail(text, number) for number, text in enumerate(texts)))
    box = mailbox.mbox(path)
    assert len(box) == len(texts)
    box.close()


@pytest.mark.parametrize(
    ("text", "words"), [("buy now", 10), ("one two three", 12), ("", 0), (" ".join("abcdefghijkl"), 12)]
)
def test_short_texts_are_repeated_whole(text: str, words: int) -> None:
    """A text reaches the minimum without new words; a text without words stays empty."""
    comment = repeat_text(Comment(text, author="Ann"), 10)
    assert len(comment.text.split()) == words and comment.author == "Ann"
    assert set(comment.text.split()) == set(text.split())


def test_bogofilter_must_print_a_number_for_each_message() -> None:
    """After a missing line each comment would get the score of the next one."""
    assert bogofilter.parse_output(b"0.25\n1.0000000000000000\n", 2).tolist() == [0.25, 1.0]
    with pytest.raises(ValueError, match="1 of 2"):
        bogofilter.parse_output(b"0.25\n", 2)


def test_spamassassin_scores_are_assigned_by_message_id() -> None:
    """A message without tokens has no probability in the log, and must not shift the others."""
    log = (
        b"info: spamd: result: . 1 - BAYES size=1,mid=<2@comments.invalid>,bayes=0.997218,autolearn=disabled\n"
        b"info: spamd: result: . 0 - size=1,mid=<1@comments.invalid>,autolearn=disabled\n"
        b"info: spamd: result: . 1 - BAYES size=1,mid=<0@comments.invalid>,bayes=0.000012,autolearn=disabled\n"
    )
    assert spamassassin.parse_output(log, 3).tolist() == [0.000012, 0.5, 0.997218]


def test_rspamd_scores_keep_the_order_of_the_responses() -> None:
    """Percentages have two decimals; the symbol's score ranks equal ones."""
    responses = [
        _rspamd_response("BAYES_HAM", "100.00%", -1_000_000),
        _rspamd_response("BAYES_HAM", "99.99%", -999_000),
        json.dumps({"symbols": {}}).encode(),
        _rspamd_response("BAYES_SPAM", "99.98%", 999_000),
        _rspamd_response("BAYES_SPAM", "99.99%", 999_100),
        _rspamd_response("BAYES_SPAM", "99.99%", 999_200),
        _rspamd_response("BAYES_SPAM", "100.00%", 1_000_000),
    ]
    scores = [rspamd.parse_output(response) for response in responses]
    assert scores == sorted(set(scores)) and scores[2] == 0.5
    assert scores[0] >= 0 and scores[-1] <= 1


def test_the_cut_with_the_best_mcc_is_chosen() -> None:
    """The scale of a mail filter need not be centred at one half."""
    scores, spam = np.array([0.01, 0.02, 0.03, 0.04]), np.array([False, False, True, True])
    assert 0.02 < best_cutoff(scores, spam) <= 0.03


def test_ranks_hold_out_the_same_proportion_of_both_labels() -> None:
    """The training set was sampled by the same hash, so its hashes are not uniform."""
    split_hashes, spam = np.array([*np.linspace(0, 0.01, 40), *np.linspace(0, 0.9, 80)]), np.arange(120) < 40
    held_out = label_ranks(split_hashes, spam) < 0.25
    assert held_out[spam].sum() == 10 and held_out[~spam].sum() == 20
    assert len(set(label_ranks(np.full(4, 0.5), np.array([True] * 4)))) == 1


def test_ties_count_against_the_classifier() -> None:
    """A filter that scores all comments 1 catches no spam at any limit of lost ham."""
    spam = np.array([True] * 10 + [False] * 10)
    metrics = ranking_metrics(np.ones(20), spam)
    assert metrics[CAUGHT_AT_1_PERCENT] == metrics[CAUGHT_AT_HALF_PERCENT] == 0 and metrics[ROC_AUC] == 0.5


def test_rows_and_tables_show_where_our_model_is_worse() -> None:
    """A worse figure must be visible in the JSON rows, in the table and in the sentence below it."""
    task = Task("a split", [], ranking=True, ours={ROC_AUC: 0.97, BRIER: 0.04})
    result = TaskResult(task, {"slow": {ROC_AUC: 0.96, BRIER: 0.03}, "quick": {ROC_AUC: 0.98, BRIER: 0.05}})
    holds = {row.name: row.holds for row in comparison_rows(result)}
    assert holds == {
        "a split: ROC AUC, against slow": True,
        "a split: ROC AUC, against quick": False,
        "a split: Brier score, against slow": False,
        "a split: Brier score, against quick": True,
    }
    table = render_section([result], "1 May 2026")
    assert table.startswith("## The peers\n") and "1 May 2026" in table
    assert "| ours | .9700 | .0400 |" in table
    assert "| slow | .9600 | **.0300** |" in table
    assert "Ours is worse on ROC AUC (quick); Brier score (slow)." in table


def test_rows_for_a_source_left_out() -> None:
    """All of the source is tested on, and no spam of a source that the recipe takes ham from alone is trained on."""
    sources = np.repeat([0, 1, 2], 20)
    spam = np.tile([True, False], 30)
    source_files = [SourceFile(name, "", 10, 10) for name in ("left_out", "chat", "blog")]
    corpus = Corpus([*OFFERS, *THANKS], [str(n) for n in range(60)], spam, sources, source_files, np.full(60, -1))
    rows = select_rows(corpus, np.linspace(0, 1, 60, endpoint=False), 0, ["chat"])
    assert rows[sources == 0].all() and rows[sources == 2].all()
    assert (rows[sources == 1] == ~spam[sources == 1]).all()


def test_large_sources_are_thinned_to_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ham of the blog left out is kept whole."""
    monkeypatch.setattr(tasks, "MAX_TRAIN_COMMENTS_PER_LABEL", 10)
    monkeypatch.setattr(tasks, "MAX_TEST_SPAM", 5)
    sources, spam = np.repeat([0, 1], 30), np.tile([True, False], 30)
    source_files = [SourceFile(name, "", 15, 15) for name in ("left_out", "blog")]
    corpus = Corpus([*OFFERS, *THANKS], [str(n) for n in range(60)], spam, sources, source_files, np.full(60, -1))
    rows = select_rows(corpus, np.random.default_rng(0).random(60), 0, [])
    assert rows[(sources == 1) & spam].sum() == rows[(sources == 1) & ~spam].sum() == 10
    assert rows[(sources == 0) & spam].sum() == 5 and rows[(sources == 0) & ~spam].all()


def test_a_shared_training_set_is_trained_on_once() -> None:
    """Five videos with one training set take one fit, and each is still measured by itself."""
    training = LabelledComments([*OFFERS, *THANKS], np.array([True] * 30 + [False] * 30))
    fitted_sizes: list[int] = []

    def fit_predict(
        train_set: Sequence[Comment], spam: NDArray[np.bool_], test_set: Sequence[Comment], params: object
    ) -> NDArray[np.float64]:
        fitted_sizes.append(len(train_set))
        return np.array([float("watches" in comment.text) for comment in test_set])

    splits = [TrainTestSplit(training, training.where(np.arange(60) % 2 == odd)) for odd in (0, 1)]
    task = Task("one model", splits, ranking=False, ours={MEAN_MCC: 1.0}, tuning=training)
    assert evaluate(Peer("a peer", fit_predict), task) == {MEAN_MCC: 1.0}
    assert fitted_sizes == [60]


def test_a_mail_filter_that_is_not_installed_has_a_row_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipelines of scikit-learn are always measured."""
    monkeypatch.setattr(installation, "find_program", lambda _: None)
    missing: list[Row] = []
    with running_peers(missing) as peers:
        assert [peer.name for peer in peers] == [peer.name for peer in BASELINES]
    assert [row.name for row in missing] == [f"{name} on every task" for name in MAIL_FILTERS]
    assert all(row.value is None and row.holds is None and "apt-get install" in row.unit for row in missing)


def test_a_peer_that_fails_has_a_row_with_the_reason() -> None:
    """A failing peer must not stop the comparison."""

    def fit_predict(*_: object) -> NDArray[np.float64]:
        raise PeerFailed("it went away")

    task = Task(
        "a blog",
        [TrainTestSplit(LabelledComments([], np.array([])), LabelledComments([], np.array([])))],
        True,
        {ROC_AUC: 0.9},
    )
    missing: list[Row] = []
    assert run_task([Peer("a peer", fit_predict)], task, missing).peers == {}
    assert [(row.name, row.unit) for row in missing] == [("a blog: a peer", "not measured here: it went away")]


@pytest.mark.parametrize("peer", BASELINES, ids=lambda peer: peer.name)
def test_a_baseline_learns(peer: Peer) -> None:
    """Each baseline gives probabilities, and separates spam from ham that differ in every word."""
    spam = np.array([True] * 30 + [False] * 30)
    scores = peer.fit_predict([*OFFERS, *THANKS], spam, [OFFERS[0], THANKS[0]], peer.param_grid[-1])
    assert 0 <= scores[1] < 0.5 < scores[0] <= 1


@given(st.text(max_size=200))
def test_counts_are_finite(text: str) -> None:
    """No text, however short, divides by zero."""
    assert np.isfinite(pipelines.counts([Comment(text)])).all()


def _text(message: Message) -> str:
    content = message.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode("utf-8")


def _rspamd_response(symbol: str, percentage: str, score: float) -> bytes:
    return json.dumps({"symbols": {symbol: {"name": symbol, "score": score, "options": [percentage]}}}).encode()
