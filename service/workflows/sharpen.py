"""Templates that grow: a login with liveness that is beyond doubt adds its vector to the person's template.

Only with the setting, and only of people who agreed to it. What may be added is judged against what was enrolled alone
(embeddings/growth.py), so that nobody can walk a template away; what logins have added is never more than fits beside
it, the newest, and one a day: logins of one day are too much alike to teach anything.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from db.errors import StorageError
from db.records import NewTemplate, Person, StoredTemplate
from db.storage import Storage
from db.unit_of_work import UnitOfWork
from embeddings.growth import MOST, may_grow
from embeddings.types import FaceVector
from service.consent import GROWTH
from service.logs import log
from service.recogniser import Probe, Recogniser

PAUSE: Final = timedelta(days=1)
"""From the newest template to the next."""


class Sharpen:
    """`alone`: held while templates are compared and written, by enrolments too."""

    def __init__(self, recogniser: Recogniser, storage: Storage, alone: threading.Lock) -> None:
        self._spec = recogniser.pipeline.spec
        self._gallery = recogniser.gallery
        self._storage = storage
        self._alone = alone

    def __call__(self, person: Person, probe: Probe) -> bool:
        """Adds what an accepted login with liveness is worth; whether anything was. Where the database refuses, nothing
        is: the login stands."""
        if person.flagged or person.model_ids != (self._spec.model_id,):
            return False
        if not all(capture.good for capture in probe.captures):
            return False
        try:
            return self._wanted(person) and self._add(person, probe)
        except StorageError as refusal:
            log("template_not_grown", logging.WARNING, reason=type(refusal).__name__)
            return False

    def _wanted(self, person: Person) -> bool:
        with self._storage.begin() as work:
            lines = work.consents(person.user_id)
            agreed = bool(lines) and GROWTH in lines[-1].uses
            return agreed and _room(work, work.templates(person.user_id)) > 0

    def _add(self, person: Person, probe: Probe) -> bool:
        with self._alone, self._storage.begin() as work:
            work.take_turn()  # other processes enrol too
            self._gallery.refresh(work)
            rows = work.templates(person.user_id)
            enrolled = self._gallery.enrolled(rows)
            room = _room(work, rows)
            if enrolled is None or room < 1:
                return False
            held = [FaceVector(row.vector, row.model_id) for row in rows]
            if not may_grow(self._gallery.index, person.user_id, self._spec, enrolled, probe.template, held):
                return False
            grown = sorted((row for row in rows if row.grown), key=lambda row: (row.created_at, row.capture))
            displaced = [row.template_id for row in grown[: max(0, len(grown) + 1 - room)]]
            new = NewTemplate(
                probe.template.vector.values,
                self._spec.model_id,
                1 + max(row.capture for row in rows),
                self._gallery.generation,
                grown=True,
            )
            if not work.renew_templates(person.user_id, new, beside=len(rows), displaced=displaced):
                return False
            left = len({row.capture for row in rows if row.template_id not in displaced})
            work.note("template_grown", person.user_id, model=new.model_id, captures=left + 1, displaced=len(displaced))
            work.commit()
            self._gallery.refresh(work)
        return True


def _room(work: UnitOfWork, rows: Sequence[StoredTemplate]) -> int:
    """How many templates logins may have added at most; 0 where the newest is of the last day, or of a future that was
    none."""
    if not rows or any(work.now - row.created_at < PAUSE for row in rows):
        return 0
    return MOST - sum(not row.grown for row in rows)
