"""The templates of everybody enrolled, kept in memory for search; the database is the truth.

What another process enrolled or erased (the command line, another worker or node) is noticed by the gallery revision
that every such change raises, and taken over from the list of changes; only where that reaches back no further is
everything read anew.
"""

import logging
import threading
from collections.abc import Iterable
from itertools import groupby
from uuid import UUID

from db.changes import Changes, beginning
from db.records import StoredTemplate, Vector
from db.unit_of_work import UnitOfWork
from embeddings.axes import axes_of
from embeddings.captures import Template, average, averages
from embeddings.embed import ModelSpec
from embeddings.index import VectorIndex
from embeddings.types import FaceVector
from service.ahead import Ahead
from service.logs import log
from service.turning import Turning


class Gallery:
    """A `VectorIndex` of one tenant's templates, in step with the database. Safe to use from several threads.

    `turning`: how the templates are turned, and the vectors of `spec`; without it, raw ones alone are taken over.
    `ahead`: where templates of the default tenant may have been opened already.
    """

    def __init__(self, spec: ModelSpec, turning: Turning | None = None, ahead: Ahead | None = None) -> None:
        self.generation = 0 if turning is None else turning.generation
        self._turning = turning
        self.index = VectorIndex(spec.model_id, spec.dimension, spec.comparison, axes_of(spec))
        self._model_id = spec.model_id
        self._revision = -1
        self._ahead = ahead
        self._lock = threading.Lock()
        self.unreadable: frozenset[UUID] = frozenset()
        """People whose records do not open: nobody logs in as them, and all others go on."""

    def refresh(self, work: UnitOfWork) -> None:
        """Takes over what changed in the database since the last call; costs one small query when nothing did."""
        if work.revision() == self._revision:
            return
        with self._lock:
            self._begin(work)
            revision = work.revision()
            changes = work.changes(self._revision) if self._revision > 0 else None
            if changes is None:
                self._fill(work)
            else:
                self._follow(work, changes)
            self._revision = revision
            self._tell(work, changes)

    def _begin(self, work: UnitOfWork) -> None:
        """Takes over what was opened ahead, as of the revision that it is of."""
        ahead, self._ahead = self._ahead, None
        revisions = []
        for share in ahead.shares(self._model_id, self.generation) if ahead is not None else ():
            for opened in share.take():
                self.index.put_all(opened.people, opened.rows, opened.captures)
            work.leave_out(set(share.unreadable))
            revisions.append(share.revision)
        if revisions:
            self._put_turned(work)
            self._revision = min(revisions)

    def _follow(self, work: UnitOfWork, changes: Changes) -> None:
        left = set(changes.people)
        for user_id, rows in groupby(work.all_templates(changes.people), lambda row: row.user_id):
            self._put(user_id, rows)
            left.discard(user_id)
        if changes.gone:
            everybody = self.index.keys()
            alike = {user_id for user_id in everybody if beginning(user_id) in changes.gone}
            left |= alike - work.still_here(alike)
        for user_id in left:
            self.index.remove(user_id)

    def _tell(self, work: UnitOfWork, changes: Changes | None) -> None:
        """Leaves out of the index who cannot be opened, and says so in the log whenever that changes. `changes`: those
        taken over just now; None where everything was read."""
        for user_id in work.unreadable:
            self.index.remove(user_id)
        before = frozenset[UUID]() if changes is None else self.unreadable
        erased = before - work.still_here(before) if before else before
        unreadable = frozenset(each for each in before if each not in self.index) - erased | work.unreadable
        if unreadable != self.unreadable:
            log("people_unreadable", logging.ERROR, people=len(unreadable), see="facewarden users list --unreadable")
        self.unreadable = unreadable

    def _fill(self, work: UnitOfWork) -> None:
        # First: who is carried over in between is met twice, not left out.
        gone = self.index.keys() - self._put_turned(work)
        for opened in work.everybody(self._model_id, self.generation):
            if gone:
                gone.difference_update(UUID(bytes=each) for each in opened.people)
            self.index.put_all(opened.people, *averages(opened.vectors, opened.owners, opened.captures))
        for user_id in gone:
            self.index.remove(user_id)

    def _put_turned(self, work: UnitOfWork) -> set[UUID]:
        """Takes over who has templates that are turned by another generation; who that is."""
        met = set()
        for user_id, rows in groupby(work.turned_otherwise(self.generation), lambda row: row.user_id):
            self._put(user_id, rows)
            met.add(user_id)
        return met

    def _put(self, user_id: UUID, rows: Iterable[StoredTemplate]) -> None:
        current = [
            (vector, row.capture)
            for row in rows
            if row.model_id == self._model_id and (vector := self._turned(row)) is not None
        ]
        if current:
            vectors = [FaceVector(vector, self._model_id) for vector, _ in current]
            self.index.put(user_id, average(vectors, [capture for _, capture in current]))
        else:
            self.index.remove(user_id)

    def enrolled(self, rows: Iterable[StoredTemplate]) -> Template | None:
        """What of somebody's templates was enrolled, without what logins have added; None for nothing of this model."""
        kept = [row for row in rows if row.model_id == self._model_id and not row.grown]
        found = [(vector, row.capture) for row in kept if (vector := self._turned(row)) is not None]
        if not found:
            return None
        return average([FaceVector(vector, self._model_id) for vector, _ in found], [its for _, its in found])

    def _turned(self, row: StoredTemplate) -> Vector | None:
        """As the others are; None for a template of no use any more."""
        if row.transform == self.generation:
            return row.vector
        return None if self._turning is None else self._turning.template(row)

    def put(self, user_id: UUID, enrolled: Template) -> None:
        """Adds somebody whose enrolment has just been committed."""
        self.index.put(user_id, enrolled)

    def remove(self, user_ids: Iterable[UUID]) -> None:
        """Forgets people at once, before their erasure begins."""
        for user_id in user_ids:
            self.index.remove(user_id)

    def invalidate(self) -> None:
        """Makes the next refresh read everything anew, for when a change may or may not have reached the database."""
        with self._lock:
            self._revision = -1
