"""The weights that the labels of each site have taught, in memory.

A request compares the newest label of its site with the newest one that was read, and reads the labels that came since.
So the next comment meets a label that any process has stored. The weights are a function of the model and of the labels
in force: a process that has followed the labels and one that reads them all have the same.
"""

from collections.abc import Iterable
from functools import partial
from threading import RLock

from sqlalchemy import Engine

from moderation.domain.errors import StorageUnavailable
from moderation.domain.site import Site
from moderation.scoring.model import Model
from moderation.scoring.site_weights import Lesson, SiteWeights
from moderation.storage import lessons
from moderation.storage.engine import read_transaction
from moderation.storage.fork import call_at_fork
from moderation.storage.kept_connection import KeptConnection
from moderation.storage.lessons import LabelChange

MAX_SITES = 50
"""Sites whose weights are kept in memory, the sites in use. One of a hundred labels takes some 4 MB."""
MAX_LESSONS = 200_000
"""Lessons that are kept in memory, some 200 MB; of one site, any number."""


class SiteWeightsCache:
    """The learnt weights of the sites in use."""

    def __init__(self, engine: Engine, kept_connection: KeptConnection) -> None:
        self._engine = engine
        self._kept_connection = kept_connection
        self._lock = RLock()
        # The site that was used last stands last.
        self._sites: dict[int, _LearntSite] = {}
        call_at_fork(self._before_fork, self._after_fork_in_parent, self._after_fork_in_child)

    def find(self, site: Site, model: Model) -> SiteWeights | None:
        """Return the weights that all labels of a site have taught beside a model; `None` if it has no label.

        While the database cannot be read, they are as they were last.
        """
        newest_id = self._newest_label_id(site)
        learnt = self._use(site.id, create=bool(newest_id))
        if learnt is None:
            return None
        # One thread reads and learns. The others wait, as their comments are to meet the label too.
        with learnt.lock:
            if newest_id > learnt.newest_id:
                self._follow(learnt, site.id)
            return learnt.weights(model)

    def _newest_label_id(self, site: Site) -> int:
        if site.storage_error:
            return 0
        try:
            return self._kept_connection.read(partial(lessons.newest_label_id, site_id=site.id))
        except StorageUnavailable:
            return 0

    def _follow(self, learnt: "_LearntSite", site_id: int) -> None:
        try:
            with read_transaction(self._engine, slow=True) as connection:
                learnt.follow(lessons.changes_after(connection, site_id, learnt.newest_id))
        except StorageUnavailable:
            return
        self._evict()

    def _use(self, site_id: int, *, create: bool) -> "_LearntSite | None":
        with self._lock:
            learnt = self._sites.pop(site_id, None) or (_LearntSite() if create else None)
            if learnt is not None:
                self._sites[site_id] = learnt
            return learnt

    def _evict(self) -> None:
        """Drop the sites that were not used for longest, beyond the limits."""
        with self._lock:
            n_lessons = sum([len(learnt) for learnt in self._sites.values()])
            while len(self._sites) > MAX_SITES or (n_lessons > MAX_LESSONS and len(self._sites) > 1):
                n_lessons -= len(self._sites.pop(next(iter(self._sites))))

    def _before_fork(self) -> None:
        self._lock.acquire()

    def _after_fork_in_parent(self) -> None:
        self._lock.release()

    def _after_fork_in_child(self) -> None:
        # A thread that the child lacks may hold the lock of a site.
        self._sites = {}
        self._lock.release()


class _LearntSite:
    """The lessons of a site, read up to the label `newest_id`, and the weights that they teach beside one model."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.newest_id = 0
        # By comment, in the order of the labels.
        self._lessons: dict[int, Lesson] = {}
        self._model_id: str | None = None
        self._weights: SiteWeights | None = None

    def __len__(self) -> int:
        return len(self._lessons)

    def follow(self, changes: Iterable[LabelChange]) -> None:
        """Take up the labels that came since. A comment's newest label replaces its earlier one."""
        for label_id, comment_id, lesson in changes:
            self._lessons.pop(comment_id, None)
            if lesson is not None:
                self._lessons[comment_id] = lesson
            self.newest_id, self._model_id = label_id, None

    def weights(self, model: Model) -> SiteWeights | None:
        """Return the weights that the lessons teach beside this model, learnt now unless they were before."""
        if self._model_id != model.id:
            own_lessons = list(self._lessons.values())
            self._weights = SiteWeights.learn(model, own_lessons, self._weights) if own_lessons else None
            self._model_id = model.id
        return self._weights
