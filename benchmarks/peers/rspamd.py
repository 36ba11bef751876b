"""rspamd's Bayes classifier with Redis, as its documentation advises, without other modules and without the network."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.daemons import HOST, PeerFailed, free_port, running_server
from benchmarks.peers.mail import repeat_text, to_mail
from moderation.domain.comment import Comment

# rspamd is made for mail and gives a few words almost no weight, so short texts are repeated to this length.
PARAM_GRID: tuple[Mapping[str, float], ...] = ({"min_words": 20}, {"min_words": 40})

_SCORE_RESOLUTION = 1e-5
_SYMBOL_WEIGHT = 1_000_000
_CONFIG = """
options {{ filters = ""; pidfile = "{folder}/pid"; tempdir = "{folder}"; control_socket = "{folder}/control mode=0600";
  history_file = "{folder}/history"; hs_cache_dir = "{folder}"; cache_file = "{folder}/cache"; words_decay = 600;
  url_tld = "/usr/share/rspamd/effective_tld_names.dat"; dns {{ nameserver = ["127.0.0.1:{closed}"]; }} }}
logging {{ type = "file"; filename = "{folder}/log"; level = "error"; }}
lua = "{folder}/none.lua";
worker "normal" {{ bind_socket = "127.0.0.1:{normal}"; count = 1; }}
worker "controller" {{ bind_socket = "127.0.0.1:{controller}"; count = 1; secure_ip = "127.0.0.1"; }}
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
    """The ports of a running rspamd's workers and of its Redis."""

    normal: int
    controller: int
    redis: int

    def fit_predict(
        self,
        train_set: Sequence[Comment],
        spam: NDArray[np.bool_],
        test_set: Sequence[Comment],
        params: Mapping[str, float],
    ) -> NDArray[np.float64]:
        """Train on one set and return the Bayes probability of each comment of the other; .5 where there is none."""
        min_words = int(params["min_words"])
        with socket.create_connection((HOST, self.redis), timeout=20) as connection:
            connection.sendall(b"FLUSHALL\r\n")
            connection.recv(64)
        for comment, flag in zip(train_set, spam, strict=True):
            _post(self.controller, "/learnspam" if flag else "/learnham", to_mail(repeat_text(comment, min_words)))
        responses = [_post(self.normal, "/checkv2", to_mail(repeat_text(comment, min_words))) for comment in test_set]
        return np.array([parse_output(response) for response in responses])


@contextmanager
def running(folder: Path) -> Iterator[Rspamd]:
    """Run an rspamd of one process with an empty Redis until the block ends."""
    peer = Rspamd(normal=free_port(), controller=free_port(), redis=free_port())
    redis_folder, rspamd_folder = folder / "redis", folder / "rspamd"
    for created in (redis_folder, rspamd_folder):
        created.mkdir()
        created.chmod(0o777)
    ports = asdict(peer) | {"closed": free_port()}
    (rspamd_folder / "none.lua").write_text("return\n", "utf-8")
    config = rspamd_folder / "rspamd.conf"
    config.write_text(_CONFIG.format(folder=rspamd_folder, weight=_SYMBOL_WEIGHT, **ports), "utf-8")
    redis = ["redis-server", "--port", str(peer.redis), "--bind", HOST, "--save", "", "--appendonly", "no"]
    with (
        running_server([*redis, "--dir", str(redis_folder)], redis_folder, peer.redis),
        running_server(["rspamd", "-f", "-c", str(config)], rspamd_folder, peer.normal),
    ):
        yield peer


def parse_output(response: bytes) -> float:
    """Return the probability in a response of `/checkv2`.

    rspamd prints two decimals of a percentage. The symbol's score ranks the comments with equal decimals.
    """
    symbols = json.loads(response)["symbols"]
    for name, sign in (("BAYES_SPAM", 1), ("BAYES_HAM", -1)):
        if name in symbols:
            printed = float(symbols[name]["options"][0].rstrip("%")) / 100
            probability = printed if sign > 0 else 1 - printed
            tie_break = 1 + float(symbols[name]["score"]) / _SYMBOL_WEIGHT
            return probability * (1 - 2 * _SCORE_RESOLUTION) + _SCORE_RESOLUTION * tie_break
    return 0.5


def _post(port: int, path: str, message: bytes) -> bytes:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request("POST", path, message)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    # 208: the same message was learnt before. 204: the message has nothing to learn from.
    if response.status not in (200, 204, 208):
        raise PeerFailed(f"rspamd answered {path} with {response.status}: {body[:200].decode('utf-8', 'replace')}")
    return body
