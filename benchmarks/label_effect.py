"""The time that a label takes to change the next decision, that of the first score of a site, and what labels occupy.

A label's effect is the time from the call that stores it to the decision on the next comment of the site. The labelled
comments are those of two blogs if there is a data folder, else they are invented. Beyond the first ones, the rows of
labels repeat the words of earlier ones under other memory keys.
"""

import resource
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from benchmarks import data
from benchmarks.comments import diverse_comments
from benchmarks.rows import ROOT, Row, at_most, figure
from moderation.actions.check import CheckRequest, check_comment, preview_comment
from moderation.actions.label_content import pack_features
from moderation.actions.labelling import label_comment
from moderation.actions.services import Services
from moderation.actions.sites import add_site, list_sites
from moderation.domain.comment import Comment
from moderation.domain.decision import Label, LabelValue
from moderation.domain.site import Site
from moderation.features.label_features import LabelFeatures
from moderation.features.memory_keys import KEY_RECORD
from moderation.features.parsed_comment import ParsedComment
from moderation.settings import Settings
from moderation.storage import comments, labels, lessons
from moderation.storage.engine import write_transaction
from moderation.training.corpus import read_corpus
from moderation.wiring import open_services, prepare

MAX_EFFECT_MS = {1_000: 50.0, 100_000: 200.0}
MAX_COLD_MS = 50.0
MAX_GIGABYTES = 1.0
SITES, LABELS_PER_SITE = 10_000, 100
"""Sites for the figure on disk. A tenth of them is stored."""

_STORED_SITES = SITES // 10
_DISTINCT = 2_000
_BLOGS = ("blog_lemire", "blog_tulloss")
_ROUNDS = 15
_COLD_SITES = 20


def measure() -> list[Row]:
    """Return the times and sizes."""
    distinct = _labelled_comments()
    rows = [pack_features(comment) for comment in distinct]
    with TemporaryDirectory() as folder:
        settings = Settings(var=Path(folder) / "var", models=ROOT / "models", database_url="")
        services = prepare(settings)
        result = [figure("mean size of a label's features", sum(map(len, rows)) / len(rows), "bytes")]
        for count, bar in MAX_EFFECT_MS.items():
            site, _ = add_site(services, f"https://labels-{count}.example")
            _store(services, [site], distinct, rows, count)
            result += _effect(services, site, count, bar)
        result += _disk(services, distinct, rows)
        services.engine.dispose()
        result += _cold(open_services(settings))
    return result


def _labelled_comments() -> list[Comment]:
    """Return comments of two blogs of all years, spam and ham in turn; without a data folder, invented ones."""
    folder = data.folder()
    if folder is None:
        return [Comment(**fields) for fields in diverse_comments(_DISTINCT)]
    blogs = [read_corpus([folder / f"{name}.csv.gz"], lambda _: None).comments for name in _BLOGS]
    number = _DISTINCT // len(_BLOGS)
    each = [found[:: len(found) // number][:number] for found in blogs]
    return [comment for pair in zip(*each, strict=True) for comment in pair]


def _effect(services: Services, site: Site, count: int, bar: float) -> list[Row]:
    """Return the median times of a label's effect on a site with this many labels, and of its first score."""
    new = [Comment(**fields) for fields in islice(diverse_comments(_DISTINCT + 2 * _ROUNDS), _DISTINCT, None)]
    begin = perf_counter()
    preview_comment(services, site, new[0])
    first = perf_counter() - begin
    preview_comment(services, site, new[0])
    effects, decisions = [], []
    for number in range(_ROUNDS):
        begin = perf_counter()
        label_comment(services, site, new[number], (LabelValue.HAM, LabelValue.SPAM)[number % 2], "mara", "queue")
        stored = perf_counter()
        check_comment(services, site, CheckRequest(new[_ROUNDS + number]))
        end = perf_counter()
        effects.append(end - begin)
        decisions.append(end - stored)
    return [
        at_most(f"effect of a label at {count:,} labels", 1_000 * median(effects), bar, "ms"),
        figure(f"the decision alone at {count:,} labels", 1_000 * median(decisions), "ms"),
        figure(f"first score at {count:,} labels", 1_000 * first, "ms"),
    ]


def _disk(services: Services, distinct: Sequence[Comment], rows: Sequence[bytes]) -> list[Row]:
    """Return what the labels of many sites take on disk beside their comments, and the sites' lessons in memory."""
    sites = [add_site(services, f"https://small-{number}.example")[0] for number in range(_STORED_SITES)]
    ids = _store_comments(services, sites, distinct, LABELS_PER_SITE)
    before = _pages(services)
    _store_labels(services, ids, rows)
    taken = (_pages(services) - before) * SITES / _STORED_SITES
    return [at_most(f"labels of {SITES:,} sites of {LABELS_PER_SITE}", taken / 1e9, MAX_GIGABYTES, "GB")]


def _cold(services: Services) -> list[Row]:
    """Return the time of a site's first score in a process that serves others, and the memory that a site takes."""
    probe = Comment(**next(diverse_comments(1)))
    model = services.live_model.current()
    sites = [site for site in list_sites(services) if "small-" in site.url][: 5 * _COLD_SITES]
    preview_comment(services, sites[0], probe)
    times = []
    for site in sites[1 : _COLD_SITES + 1]:
        begin = perf_counter()
        preview_comment(services, site, probe)
        times.append(perf_counter() - begin)
    before = _resident_bytes()
    for site in sites[_COLD_SITES + 1 :]:
        services.site_weights_cache.find(site, model)
    each = (_resident_bytes() - before) / (len(sites) - _COLD_SITES - 1)
    services.engine.dispose()
    return [
        at_most(f"first score of a site of {LABELS_PER_SITE} labels", 1_000 * median(times), MAX_COLD_MS, "ms"),
        figure(f"memory of a site of {LABELS_PER_SITE} labels in use", each / 1e6, "MB"),
    ]


def _store(
    services: Services, sites: Sequence[Site], distinct: Sequence[Comment], rows: Sequence[bytes], count: int
) -> None:
    _store_labels(services, _store_comments(services, sites, distinct, count), rows)


def _store_comments(
    services: Services, sites: Sequence[Site], distinct: Sequence[Comment], count: int
) -> list[tuple[int, list[int]]]:
    """Store as many comments for each site, and return their ids by site."""
    hashed = cycle([(ParsedComment(comment).content_hash, comment) for comment in distinct])
    with write_transaction(services.engine, slow=True) as connection:
        at = services.clock()
        return [(site.id, comments.add(connection, site.id, islice(hashed, count), at)) for site in sites]


def _store_labels(services: Services, ids: Sequence[tuple[int, list[int]]], rows: Sequence[bytes]) -> None:
    """Label the comments ham and spam in turn, each with other memory keys. Unused places of these stay so."""
    random, repeated = Random(1), cycle(rows)
    given = [Label(value, "mara", "queue", services.clock()) for value in (LabelValue.HAM, LabelValue.SPAM)]
    with write_transaction(services.engine, slow=True) as connection:
        for site_id, comment_ids in ids:
            own = [_with_other_keys(row, random) for row in islice(repeated, len(comment_ids))]
            lessons.put_features(connection, site_id, zip(comment_ids, own, strict=True))
            labels.append_many(connection, site_id, zip(comment_ids, cycle(given)))


def _with_other_keys(row: bytes, random: Random) -> bytes:
    features = LabelFeatures.from_bytes(row)
    drawn = np.frombuffer(random.randbytes(KEY_RECORD.itemsize), "<u4")
    keys = np.where(np.frombuffer(features.key_record, "<u4") != 0, drawn, 0).astype("<u4")
    return LabelFeatures(keys.tobytes() + features.row[KEY_RECORD.itemsize :]).to_bytes()


def _pages(services: Services) -> int:
    """Return the bytes of the pages of the database in use."""
    with services.engine.connect() as connection:
        read = connection.exec_driver_sql
        used = read("PRAGMA page_count").scalar_one() - read("PRAGMA freelist_count").scalar_one()
        return int(used * read("PRAGMA page_size").scalar_one())


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()
