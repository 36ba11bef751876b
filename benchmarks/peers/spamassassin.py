"""SpamAssassin's Bayes classifier, trained by sa-learn and run by spamd, without other rules and offline."""

import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.daemons import HOST, PeerFailed, free_port, run, running_server
from benchmarks.peers.mail import mbox, to_mail
from moderation.domain.comment import Comment

# Without Debian's list of top-level domains no URL in a text is recognised.
TLD_LIST = Path("/usr/share/spamassassin/20_aux_tlds.cf")

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
_RESULT_LINE = re.compile(rb"mid=<(\d+)@comments\.invalid>.*?bayes=([\d.]+)")
_TIMEOUT_SECONDS = 60.0


def fit_predict(
    folder: Path,
    train_set: Sequence[Comment],
    spam: NDArray[np.bool_],
    test_set: Sequence[Comment],
    _params: Mapping[str, float],
) -> NDArray[np.float64]:
    """Train on one set and return the Bayes probability of each comment of the other; .5 where there is none."""
    for old in folder.glob("bayes*"):
        old.unlink()
    rules = folder / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "first.pre").write_text(_PLUGINS, "utf-8")
    (rules / "rules.cf").write_text(_RULES.format(folder=folder, domains=TLD_LIST), "utf-8")
    paths = ["-C", str(rules), "--siteconfigpath", str(folder / "none")]
    for option, label in (("--spam", True), ("--ham", False)):
        box = folder / "training.mbox"
        box.write_bytes(mbox(to_mail(comment) for comment, flag in zip(train_set, spam, strict=True) if flag == label))
        run(["sa-learn", "-L", *paths, "-p", "/dev/null", option, "--mbox", str(box)], folder)
    port = free_port()
    serve = ["spamd", "-L", "-x", "-c", *paths, "-i", HOST, "-p", str(port), "-m", "1", "-s", "stderr"]
    with running_server([*serve, "--max-conn-per-child", "1000000"], folder, port):
        for number, comment in enumerate(test_set):
            _check_message(port, to_mail(comment, number))
    return parse_output((folder / "server.log").read_bytes(), len(test_set))


def parse_output(log: bytes, expected: int) -> NDArray[np.float64]:
    """Return the probabilities in spamd's log, in the order of the Message-IDs; .5 where there is none."""
    scores = np.full(expected, 0.5)
    for number, probability in _RESULT_LINE.findall(log):
        scores[int(number)] = float(probability)
    return scores


def _check_message(port: int, message: bytes) -> None:
    """Send one message as spamc does (SPAMC/1.5), which would need a process for each."""
    with socket.create_connection((HOST, port), timeout=_TIMEOUT_SECONDS) as connection:
        connection.sendall(b"HEADERS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(message) + message)
        connection.shutdown(socket.SHUT_WR)
        response = b"".join(iter(lambda: connection.recv(65536), b""))
    if b" 0 EX_OK" not in response.partition(b"\r\n")[0]:
        raise PeerFailed("spamd did not score a message")
