"""SpamAssassin's Bayes: learnt by sa-learn, asked through spamd, without any other rule and without the network."""

import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import Comment
from tests.benchmarks.peers.daemons import HOST, PeerFailed, free_port, run, serving
from tests.benchmarks.peers.wrapping import mbox, wrapped

DOMAINS = Path("/usr/share/spamassassin/20_aux_tlds.cf")
"""Debian's list of top-level domains, which addresses in a text are found by."""

_PLUGINS = "loadplugin Mail::SpamAssassin::Plugin::Check\nloadplugin Mail::SpamAssassin::Plugin::Bayes\n"
_RULES = """bayes_path {folder}/bayes
bayes_auto_learn 0
bayes_auto_expire 0
bayes_expiry_max_db_size 5000000
bayes_min_ham_num 1
bayes_min_spam_num 1
dns_available no
body BAYES eval:check_bayes('0.00','1.00')
tflags BAYES learn
score BAYES 1
include {domains}
"""
_FOUND = re.compile(rb"mid=<(\d+)@comments\.invalid>.*?bayes=([\d.]+)")
_LONGEST = 60.0


def judge(
    folder: Path,
    learnt: Sequence[Comment],
    spam: NDArray[np.bool_],
    asked: Sequence[Comment],
    choice: Mapping[str, float],
) -> NDArray[np.float64]:
    """The Bayes probability of each comment `asked`, .5 where it had nothing to go by. There is nothing to choose."""
    for old in folder.glob("bayes*"):
        old.unlink()
    rules = folder / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "first.pre").write_text(_PLUGINS, "utf-8")
    (rules / "rules.cf").write_text(_RULES.format(folder=folder, domains=DOMAINS), "utf-8")
    paths = ["-C", str(rules), "--siteconfigpath", str(folder / "none")]
    for option, label in (("--spam", True), ("--ham", False)):
        box = folder / "learnt.mbox"
        box.write_bytes(mbox(wrapped(comment) for comment, flag in zip(learnt, spam, strict=True) if flag == label))
        run(["sa-learn", "-L", *paths, "-p", "/dev/null", option, "--mbox", str(box)], folder)
    port = free_port()
    serve = ["spamd", "-L", "-x", "-c", *paths, "-i", HOST, "-p", str(port), "-m", "1", "-s", "stderr"]
    with serving([*serve, "--max-conn-per-child", "1000000"], folder, port):
        for number, comment in enumerate(asked):
            _ask(port, wrapped(comment, number))
    return parsed((folder / "server.log").read_bytes(), len(asked))


def parsed(log: bytes, expected: int) -> NDArray[np.float64]:
    """The probabilities in spamd's log (six digits), by the number in each Message-ID; .5 where it has none."""
    scores = np.full(expected, 0.5)
    for number, probability in _FOUND.findall(log):
        scores[int(number)] = float(probability)
    return scores


def _ask(port: int, message: bytes) -> None:
    """What spamc does (SPAMC/1.5), without a process for each message."""
    with socket.create_connection((HOST, port), timeout=_LONGEST) as line:
        line.sendall(b"HEADERS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(message) + message)
        line.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    if b" 0 EX_OK" not in answer.partition(b"\r\n")[0]:
        raise PeerFailed("spamd did not judge a message")
