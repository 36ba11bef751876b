"""rspamd's Bayes with Redis behind it, as its documentation advises, without other modules and without the network."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import Comment
from tests.benchmarks.peers.daemons import HOST, PeerFailed, free_port, serving
from tests.benchmarks.peers.wrapping import repeated, wrapped

CHOICES: tuple[Mapping[str, float], ...] = ({"fewest_words": 20}, {"fewest_words": 40})
"""It is made for letters and makes next to nothing of a few words, so short texts are repeated: how far is chosen."""

_FINEST = 1e-5
_WEIGHT = 1_000_000
_SETTINGS = """
options {{ filters = ""; pidfile = "{folder}/pid"; tempdir = "{folder}"; control_socket = "{folder}/control mode=0600";
  history_file = "{folder}/history"; hs_cache_dir = "{folder}"; cache_file = "{folder}/cache"; words_decay = 600;
  url_tld = "/usr/share/rspamd/effective_tld_names.dat"; dns {{ nameserver = ["127.0.0.1:{closed}"]; }} }}
logging {{ type = "file"; filename = "{folder}/log"; level = "error"; }}
lua = "{folder}/none.lua";
worker "normal" {{ bind_socket = "127.0.0.1:{asked}"; count = 1; }}
worker "controller" {{ bind_socket = "127.0.0.1:{taught}"; count = 1; secure_ip = "127.0.0.1"; }}
redis {{ servers = "127.0.0.1:{redis}"; }}
actions {{ reject = 15; }}
group "statistics" {{ symbols = {{ "BAYES_SPAM" {{ weight = {weight}; }} "BAYES_HAM" {{ weight = -{weight}; }} }} }}
classifier "bayes" {{
  tokenizer {{ name = "osb"; }}
  cache {{ }}
  new_schema = true;
  backend = "redis";
  servers = "127.0.0.1:{redis}";
  min_tokens = 1;
  min_learns = 1;
  statfile {{ symbol = "BAYES_HAM"; spam = false; }}
  statfile {{ symbol = "BAYES_SPAM"; spam = true; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Rspamd:
    """A running rspamd: the ports to ask, to teach, and of its Redis."""

    asked: int
    taught: int
    redis: int

    def judge(
        self,
        learnt: Sequence[Comment],
        spam: NDArray[np.bool_],
        asked: Sequence[Comment],
        choice: Mapping[str, float],
    ) -> NDArray[np.float64]:
        """The Bayes probability of each comment `asked`, .5 where it gave none."""
        fewest = int(choice["fewest_words"])
        with socket.create_connection((HOST, self.redis), timeout=20) as line:
            line.sendall(b"FLUSHALL\r\n")
            line.recv(64)
        for comment, flag in zip(learnt, spam, strict=True):
            _post(self.taught, "/learnspam" if flag else "/learnham", wrapped(repeated(comment, fewest)))
        answers = [_post(self.asked, "/checkv2", wrapped(repeated(comment, fewest))) for comment in asked]
        return np.array([parsed(answer) for answer in answers])


@contextmanager
def running(folder: Path) -> Iterator[Rspamd]:
    """An rspamd of one process, with an empty Redis; both end with the block."""
    peer = Rspamd(asked=free_port(), taught=free_port(), redis=free_port())
    store, filter_ = folder / "redis", folder / "rspamd"
    for part in (store, filter_):
        part.mkdir()
        part.chmod(0o777)
    ports = {"asked": peer.asked, "taught": peer.taught, "redis": peer.redis, "closed": free_port()}
    (filter_ / "none.lua").write_text("return\n", "utf-8")
    settings = filter_ / "rspamd.conf"
    settings.write_text(_SETTINGS.format(folder=filter_, weight=_WEIGHT, **ports), "utf-8")
    remember = ["redis-server", "--port", str(peer.redis), "--bind", HOST, "--save", "", "--appendonly", "no"]
    with (
        serving([*remember, "--dir", str(store)], store, peer.redis),
        serving(["rspamd", "-f", "-c", str(settings)], filter_, peer.asked),
    ):
        yield peer


def parsed(answer: bytes) -> float:
    """The probability that an answer of `/checkv2` names; its two decimals are told apart by the symbol's score."""
    symbols = json.loads(answer)["symbols"]
    for name, sign in (("BAYES_SPAM", 1), ("BAYES_HAM", -1)):
        if name in symbols:
            shown = float(symbols[name]["options"][0].rstrip("%")) / 100
            probability = shown if sign > 0 else 1 - shown
            finer = 1 + float(symbols[name]["score"]) / _WEIGHT
            return probability * (1 - 2 * _FINEST) + _FINEST * finer
    return 0.5


def _post(port: int, path: str, message: bytes) -> bytes:
    line = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        line.request("POST", path, message)
        answer = line.getresponse()
        body = answer.read()
    finally:
        line.close()
    # 208: the very same message was learnt before. 204: nothing in it to learn from.
    if answer.status not in (200, 204, 208):
        raise PeerFailed(f"rspamd answered {path} with {answer.status}: {body[:200].decode('utf-8', 'replace')}")
    return body
