"""What the bench asks of the service from inside: homes full of synthetic people, and the parts of a login."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import numpy as np

from db.details import FACTOR
from db.records import Consent, NewTemplate
from embeddings import fused
from embeddings.embed import DLIB_SPEC
from embeddings.matching import Outcome, verify
from evaluation.bench.client import BOUNDARY, multipart
from evaluation.bench.service import Service
from evaluation.bench.timing import interleaved, timed
from service.bootstrap import Application, build
from service.consent import LOGIN
from service.databases import open_storage
from service.multipart import MultipartReader
from service.settings import Settings
from service.tokens import ACR_PHOTO
from service.workflows.enrol import EnrolRequest
from service.workflows.login import LoginRequest
from service.workflows.people import By

SEED: Final = 20_260_101
AT_ONCE: Final = 1000
"""People in one transaction of the data."""


def service() -> Service:
    """This installation, as the bench starts it."""
    return Service((sys.executable, "-m", "service.cli.main"), fill, stages)


def fill(home: Path, settings: Mapping[str, str], people: int) -> list[UUID]:
    """Enrols random unit vectors, one a person, under the model of these settings."""
    chosen = _settings(home, settings)
    model_id, dimension = _model(chosen)
    enrolled: list[UUID] = []
    random = np.random.default_rng(SEED)
    with closing(open_storage(chosen)) as storage:
        transform = storage.transforms().settle()  # turned or not, what is random stays random
        while len(enrolled) < people:
            with storage.begin() as work:
                for _ in range(min(AT_ONCE, people - len(enrolled))):
                    vector = random.standard_normal(dimension)
                    template = NewTemplate((vector / np.linalg.norm(vector)).astype(np.float32), model_id, 0, transform)
                    enrolled.append(uuid4())
                    work.add_person(
                        enrolled[-1],
                        templates=[template],
                        attributes=None,
                        metadata=None,
                        consent=Consent(work.now, "bench", "", frozenset({LOGIN})),
                        flagged=False,
                    )
                work.commit()
    return enrolled


def _settings(home: Path, chosen: Mapping[str, str]) -> Settings:
    """Every setting is given, so that no variable of this process leads to a database in use."""
    defaults = {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}
    names = {name.lower(): value for name, value in chosen.items()}
    return Settings.model_validate({**defaults, **names, "home": home})


def _model(chosen: Settings) -> tuple[str, int]:
    """The model_id and the dimension of the vectors under these settings."""
    if chosen.embedder == "fused":
        return fused.MODEL_ID, fused.DIMENSION
    return DLIB_SPEC.model_id, DLIB_SPEC.dimension


def stages(home: Path, settings: Mapping[str, str], frame: bytes, rounds: int) -> dict[str, Sequence[float]]:
    """Milliseconds, call by call, of a whole login without HTTP ("workflow") and of what surrounds its vision."""
    with closing(build(_settings(home, settings))) as application:
        user_id = application.enrol(EnrolRequest([frame], consent=True)).user_id
        calls = _parts(application, user_id, frame)
        found = interleaved({name: timed(call) for name, call in calls.items()}, rounds)
        application.people.erase([user_id], by=By.OPERATOR)
    return {name: times.values for name, times in found.items()}


def _parts(application: Application, user_id: UUID, frame: bytes) -> dict[str, Callable[[], object]]:
    index, spec = application.gallery.index, application.pipeline.spec
    probe = index.get(user_id)
    if probe is None:
        raise LookupError("who has just been enrolled is in the gallery")
    body = multipart(frame, {"user_id": str(user_id)})
    return {
        "read_body": lambda: _read(body),
        "pipeline": lambda: application.pipeline.capture(frame),
        "compare": lambda: verify(index, user_id, probe, spec.operating_points),
        "database": lambda: _record(application, user_id),
        "token": lambda: application.tokens.issue(user_id, ACR_PHOTO),
        "workflow": lambda: application.login(LoginRequest([frame], user_id)),
    }


def _read(body: bytes) -> None:
    reader = MultipartReader(BOUNDARY.encode(), 1)
    reader.feed(body)
    reader.finish()


def _record(application: Application, user_id: UUID) -> None:
    """The reading and writing of a login: revision, person, sealed attributes, the log."""
    with application.storage.begin() as work:
        application.gallery.refresh(work)
        work.person(user_id)
        work.details.get(user_id, FACTOR)
        work.logged_in(user_id)
        work.note("login", user_id, outcome=Outcome.ACCEPTED.value)
        work.commit()
