"""What the service does for one tenant, opened when it is first needed; galleries of two tenants never meet."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from db.errors import TransformChanged
from db.storage import Storage
from db.tables import DEFAULT_TENANT
from embeddings.pipeline import FacePipeline
from service.gallery import Gallery
from service.logs import log
from service.turning import Turning
from service.workflows.administer import Administer
from service.workflows.challenges import Challenges
from service.workflows.enrol import Enrol, Enrolled, EnrolRequest
from service.workflows.grow import Grow
from service.workflows.login import Login
from service.workflows.me import Me
from service.workflows.people import People
from service.workflows.recover import Recover
from service.workflows.tenancy import bring_over

TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class TenantService:
    """One tenant's workflows, over its own gallery. The vectors of `pipeline` are turned."""

    storage: Storage
    turning: Turning
    pipeline: FacePipeline
    gallery: Gallery
    enrol: Enrol
    login: Login
    people: People
    me: Me
    recover: Recover
    administer: Administer
    grow: Grow
    challenges: Challenges


class Tenants:
    """Safe to share between threads. `make` gives what a tenant's storage needs under a transform, gallery filled."""

    def __init__(self, storage: Storage, make: Callable[[Storage, Turning], TenantService]) -> None:
        self._storage = storage
        self._make = make
        self._open: dict[str, TenantService] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def of(self, name: str) -> TenantService:
        """As its templates are turned by now; costs one small query once it is open. Raises UnknownTenant."""
        storage, known = self._storage.of(name), self._open.get(name)
        generation = storage.transform()
        if known is not None and known.turning.generation == generation:
            return known
        lock = self._locks[name]
        if not lock.acquire(blocking=known is None):
            return known or self.of(name)  # the one before serves on while another thread opens the next
        try:
            newest = self._open.get(name)
            if newest is None or newest is known:
                newest = self._open[name] = self._opened(storage, first=newest is None)
            return newest
        finally:
            lock.release()

    def enrol(self, name: str, request: EnrolRequest) -> Enrolled:
        """Anew where the tenant's transform was replaced in between."""
        for _ in range(TRIES - 1):
            try:
                return self.of(name).enrol(request)
            except TransformChanged:
                continue
        return self.of(name).enrol(request)

    def follow(self) -> None:
        """Takes over into every gallery that is open what changed in the database since the last time."""
        for name in list(self._open):
            service = self.of(name)
            with service.storage.begin() as work:
                service.people.refresh(work)

    def others(self) -> list[People]:
        """The people of every tenant but the default one; no gallery is opened for it."""
        names = [each.name for each in self._storage.tenants().all() if each.name != DEFAULT_TENANT]
        opened = [(name, self._open.get(name)) for name in names]
        return [People(self._storage.of(name)) if known is None else known.people for name, known in opened]

    def index_size(self) -> int:
        """How many people can be searched, of all tenants that are open."""
        return sum(len(each.gallery.index) for each in tuple(self._open.values()))

    def _opened(self, storage: Storage, *, first: bool) -> TenantService:
        turning = Turning(storage)
        if first:  # later it is whoever replaced the transform that carries templates over
            with suppress(TransformChanged):
                bring_over(storage, turning)
            worthless = storage.transforms().worthless()
            if worthless:
                log("templates_worthless", logging.WARNING, tenant=storage.tenant, templates=worthless)
        return self._make(storage, turning)
