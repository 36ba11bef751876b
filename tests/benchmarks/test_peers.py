"""What the comparison with other filters promises, where no other filter is needed."""

import json
import mailbox
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from moderation.domain.comment import Comment
from moderation.learning.corpus import Corpus, Origin
from tests.benchmarks.peers import bogofilter, installation, pipelines, questions, rspamd, spamassassin
from tests.benchmarks.peers.comparison import (
    BASELINES,
    MAIL_FILTERS,
    Peer,
    asked,
    best_cut,
    found_by,
    label_ranks,
    standing,
)
from tests.benchmarks.peers.daemons import PeerFailed
from tests.benchmarks.peers.questions import (
    AREA,
    BRIER,
    CAUGHT_05,
    CAUGHT_1,
    CORRELATION,
    Labelled,
    Part,
    Question,
    chosen,
    ranked,
)
from tests.benchmarks.peers.table import Found, compared, section
from tests.benchmarks.peers.wrapping import mbox, repeated, wrapped
from tests.benchmarks.rows import Row

FIELDS = st.none() | st.text(max_size=60)
OFFERS = [Comment(f"cheap watches in shop number {n}, order today", author="Watches") for n in range(30)]
THANKS = [Comment(f"thank you, step {n} was what I had missed", author="Ann") for n in range(30)]


@given(st.builds(Comment, st.text(max_size=300), author=FIELDS, url=FIELDS, email=FIELDS, context=FIELDS))
def test_no_comment_can_forge_a_header(comment: Comment) -> None:
    """A filter that is measured by what a comment wrote into its headers would be measured wrongly."""
    message = message_from_bytes(wrapped(comment, 7))
    assert set(message.keys()) <= {
        "Message-ID",
        "From",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    }
    assert len(message.keys()) == len(set(message.keys()))
    assert message["Message-ID"] == "<7@comments.invalid>"


def test_each_field_has_its_place() -> None:
    """Peers get what their interface has a place for: author, mailbox, address; a title tells pages apart."""
    comment = Comment("Thank you", author="Zoë", email="zoe@blog.example", url="http://zoe.example/", context="On wind")
    message = message_from_bytes(wrapped(comment, 0))
    assert str(make_header(decode_header(message["From"]))) == "Zoë <zoe@blog.example>"
    assert message["Subject"] is None
    assert _text(message) == "Thank you\n\nhttp://zoe.example/\n"


def test_what_is_not_known_leaves_no_trace() -> None:
    """Which fields a source has says where it is from, not whether it is spam."""
    message = message_from_bytes(wrapped(Comment("Thank you", author="", email="", url=""), 0))
    assert message["From"] is None
    assert _text(message) == "Thank you\n"


@given(st.lists(st.text(max_size=80).map(lambda text: Comment(f"From {text}\nFrom x\n\nFrom {text}")), max_size=4))
def test_an_mbox_has_as_many_messages_as_comments(
    tmp_path_factory: pytest.TempPathFactory, texts: list[Comment]
) -> None:
    """A text that looks like the start of another message would shift every score behind it by one."""
    path = tmp_path_factory.mktemp("mbox") / "box"
    path.write_bytes(mbox(wrapped(text, number) for number, text in enumerate(texts)))
    box = mailbox.mbox(path)
    assert len(box) == len(texts)
    box.close()


@pytest.mark.parametrize(
    ("text", "words"), [("buy now", 10), ("one two three", 12), ("", 0), (" ".join("abcdefghijkl"), 12)]
)
def test_short_texts_are_repeated_whole(text: str, words: int) -> None:
    """Only so many words that the filter reads them, and nothing that was not there."""
    comment = repeated(Comment(text, author="Ann"), 10)
    assert len(comment.text.split()) == words and comment.author == "Ann"
    assert set(comment.text.split()) == set(text.split())


def test_bogofilter_prints_a_number_for_each_message() -> None:
    """A missing line would give every later comment the score of another."""
    assert bogofilter.parsed(b"0.25\n1.0000000000000000\n", 2).tolist() == [0.25, 1.0]
    with pytest.raises(ValueError, match="1 of 2"):
        bogofilter.parsed(b"0.25\n", 2)


def test_spamassassin_is_read_by_the_number_of_the_message() -> None:
    """A message without tokens has no probability in the log, and the others keep theirs."""
    log = (
        b"info: spamd: result: . 1 - BAYES size=1,mid=<2@comments.invalid>,bayes=0.997218,autolearn=disabled\n"
        b"info: spamd: result: . 0 - size=1,mid=<1@comments.invalid>,autolearn=disabled\n"
        b"info: spamd: result: . 1 - BAYES size=1,mid=<0@comments.invalid>,bayes=0.000012,autolearn=disabled\n"
    )
    assert spamassassin.parsed(log, 3).tolist() == [0.000012, 0.5, 0.997218]


def test_rspamd_answers_keep_their_order() -> None:
    """It prints two decimals of a percentage; what they hide is told apart by the score, and nothing more is."""
    answers = [
        _answer("BAYES_HAM", "100.00%", -1_000_000),
        _answer("BAYES_HAM", "99.99%", -999_000),
        json.dumps({"symbols": {}}).encode(),
        _answer("BAYES_SPAM", "99.98%", 999_000),
        _answer("BAYES_SPAM", "99.99%", 999_100),
        _answer("BAYES_SPAM", "99.99%", 999_200),
        _answer("BAYES_SPAM", "100.00%", 1_000_000),
    ]
    scores = [rspamd.parsed(answer) for answer in answers]
    assert scores == sorted(set(scores)) and scores[2] == 0.5
    assert scores[0] >= 0 and scores[-1] <= 1


def test_the_cut_is_the_best_there_is() -> None:
    """A mail filter is not blamed for a scale that is not centred at one half."""
    scores, spam = np.array([0.01, 0.02, 0.03, 0.04]), np.array([False, False, True, True])
    assert 0.02 < best_cut(scores, spam) <= 0.03


def test_both_labels_are_held_back_alike() -> None:
    """What is learnt from was chosen by the same hash: spam below one share, ham below another."""
    sides, spam = np.array([*np.linspace(0, 0.01, 40), *np.linspace(0, 0.9, 80)]), np.arange(120) < 40
    held = label_ranks(sides, spam) < 0.25
    assert held[spam].sum() == 10 and held[~spam].sum() == 20
    assert len(set(label_ranks(np.full(4, 0.5), np.array([True] * 4)))) == 1


def test_ties_count_against_the_classifier() -> None:
    """A filter that calls everything 1 catches nothing within a loss."""
    spam = np.array([True] * 10 + [False] * 10)
    figures = ranked(np.ones(20), spam)
    assert figures[CAUGHT_1] == figures[CAUGHT_05] == 0 and figures[AREA] == 0.5


def test_a_row_says_plainly_where_we_are_worse() -> None:
    """Which figure, against whom, and in the table's words."""
    question = Question("a split", [], ranking=True, ours={AREA: 0.97, BRIER: 0.04})
    found = Found(question, {"slow": {AREA: 0.96, BRIER: 0.03}, "quick": {AREA: 0.98, BRIER: 0.05}})
    holds = {row.name: row.holds for row in compared(found)}
    assert holds == {
        "a split: ROC AUC, against slow": True,
        "a split: ROC AUC, against quick": False,
        "a split: Brier score, against slow": False,
        "a split: Brier score, against quick": True,
    }
    table = section([found], "1 May 2026")
    assert table.startswith("## The peers\n") and "1 May 2026" in table
    assert "| ours | .9700 | .0400 |" in table
    assert "| slow | .9600 | **.0300** |" in table
    assert "Ours is worse on ROC AUC (quick); Brier score (slow)." in table


def test_a_source_left_out_is_asked_whole_and_never_learnt() -> None:
    """Everybody learns from the same rows, and their spam is not from where a recipe distrusts it."""
    sources = np.repeat([0, 1, 2], 20)
    spam = np.tile([True, False], 30)
    origins = [Origin(name, "", 10, 10) for name in ("left_out", "chat", "blog")]
    corpus = Corpus([*OFFERS, *THANKS], [str(n) for n in range(60)], spam, sources, origins, np.full(60, -1))
    rows = chosen(corpus, np.linspace(0, 1, 60, endpoint=False), 0, ["chat"])
    assert rows[sources == 0].all() and rows[sources == 2].all()
    assert (rows[sources == 1] == ~spam[sources == 1]).all()


def test_no_more_than_was_said_are_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cap keeps whole templates out, the same ones for everybody; the ham of the blog left out is never thinned."""
    monkeypatch.setattr(questions, "MOST_LEARNT", 10)
    monkeypatch.setattr(questions, "MOST_ASKED", 5)
    sources, spam = np.repeat([0, 1], 30), np.tile([True, False], 30)
    origins = [Origin(name, "", 15, 15) for name in ("left_out", "blog")]
    corpus = Corpus([*OFFERS, *THANKS], [str(n) for n in range(60)], spam, sources, origins, np.full(60, -1))
    rows = chosen(corpus, np.random.default_rng(0).random(60), 0, [])
    assert rows[(sources == 1) & spam].sum() == rows[(sources == 1) & ~spam].sum() == 10
    assert rows[(sources == 0) & spam].sum() == 5 and rows[(sources == 0) & ~spam].all()


def test_parts_that_learn_alike_are_learnt_once() -> None:
    """Five videos judged by one model are one training, and each is still judged by itself."""
    training = Labelled([*OFFERS, *THANKS], np.array([True] * 30 + [False] * 30))
    trained: list[int] = []

    def judge(
        learnt: list[Comment], spam: NDArray[np.bool_], asked_: list[Comment], choice: object
    ) -> NDArray[np.float64]:
        trained.append(len(learnt))
        return np.array([float("watches" in comment.text) for comment in asked_])

    parts = [Part(training, training.where(np.arange(60) % 2 == odd)) for odd in (0, 1)]
    question = Question("one model", parts, ranking=False, ours={CORRELATION: 1.0}, tuning=training)
    assert asked(Peer("a peer", judge), question) == {CORRELATION: 1.0}  # type: ignore[arg-type]
    assert trained == [60]


def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The baselines are measured wherever the folder of comments is; a missing mail filter has a row."""
    monkeypatch.setattr(installation, "program", lambda _: None)
    missing: list[Row] = []
    with standing(missing) as peers:
        assert [peer.name for peer in peers] == [peer.name for peer in BASELINES]
    assert [row.name for row in missing] == [f"{name} on the same work" for name in MAIL_FILTERS]
    assert all(row.value is None and row.holds is None and "apt-get install" in row.unit for row in missing)


def test_a_peer_that_breaks_down_is_told() -> None:
    """One that fails half-way costs its own figure and nobody else's."""

    def judge(*_: object) -> NDArray[np.float64]:
        raise PeerFailed("it went away")

    question = Question("a blog", [Part(Labelled([], np.array([])), Labelled([], np.array([])))], True, {AREA: 0.9})
    missing: list[Row] = []
    assert found_by([Peer("a peer", judge)], question, missing).peers == {}
    assert [(row.name, row.unit) for row in missing] == [
        ("a blog: a peer on the same work", "not measured here: it went away")
    ]


@pytest.mark.parametrize("peer", BASELINES, ids=lambda peer: peer.name)
def test_a_baseline_learns(peer: Peer) -> None:
    """Each gives a probability a comment, and knows spam from ham that anyone can tell apart."""
    spam = np.array([True] * 30 + [False] * 30)
    scores = peer.judge([*OFFERS, *THANKS], spam, [OFFERS[0], THANKS[0]], peer.choices[-1])
    assert 0 <= scores[1] < 0.5 < scores[0] <= 1


@given(st.text(max_size=200))
def test_counts_are_finite(text: str) -> None:
    """Any text can be counted."""
    assert np.isfinite(pipelines.counts([Comment(text)])).all()


def _text(message: Message) -> str:
    content = message.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode("utf-8")


def _answer(symbol: str, shown: str, score: float) -> bytes:
    return json.dumps({"symbols": {symbol: {"name": symbol, "score": score, "options": [shown]}}}).encode()
