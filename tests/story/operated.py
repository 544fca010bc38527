"""A home as an operator has it after a week: people of random numbers, and a log written under a clock that is set."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import numpy as np

from db.api_keys import Role
from db.records import Consent, NewTemplate
from db.references import REFERENCE
from db.storage import Storage
from embeddings.embed import DLIB_SPEC
from service.databases import open_storage
from service.settings import Settings
from tests.service.api_keys import key

LIGHT: Final = {"FACEWARDEN_EMBEDDER": "onnx", "FACEWARDEN_ATTRIBUTES": "none"}
"""Settings under which these people's vectors are of the model in use."""
OUTCOMES: Final = ("accepted",) * 30 + ("unknown",) * 4 + ("ambiguous", "second_factor", "second_factor", "stopped")
SEED: Final = 20_260_301
FLAGGED_EVERY: Final = 23
UNREADABLE: Final = 1


@dataclass(frozen=True, slots=True)
class Operated:
    """`logins`: by mode and outcome, those of the last seven days."""

    people: list[UUID]
    admin: str
    auditor: str
    logins: dict[tuple[str, str], int]


class Hands:
    """A clock that is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def operated(home: Path, people: int = 200, days: int = 7) -> Operated:
    """Fills `home`: people enrolled over ninety days, and logins as in an office until now."""
    random, now = np.random.default_rng(SEED), datetime.now(UTC)
    clock = Hands(now)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(open_storage(Settings(home=home), clock)) as storage:
        enrolled = _enrol(storage, clock, random, people)
        logins = _logins(storage, clock, random, enrolled, days)
        clock.now = now
        keys = {role: key(storage, role) for role in Role}
        key(storage, Role.VERIFIER, days=30)
    return Operated(enrolled, keys[Role.ADMIN], keys[Role.AUDITOR], logins)


def _enrol(storage: Storage, clock: Hands, random: np.random.Generator, people: int) -> list[UUID]:
    now, transform = clock.now, storage.transforms().settle()
    enrolled = []
    for number, ago in enumerate(sorted(random.uniform(1, 90, people), reverse=True)):
        clock.now = now - timedelta(days=float(ago))
        photos, vector = int(random.integers(1, 4)), random.standard_normal(DLIB_SPEC.dimension)
        turned = [vector + 0.2 * random.standard_normal(vector.size) for _ in range(photos)]
        flagged = number % FLAGGED_EVERY == FLAGGED_EVERY - 1
        age = float(random.uniform(20, 66))
        with storage.begin() as work:
            enrolled.append(uuid4())
            work.add_person(
                enrolled[-1],
                templates=[
                    NewTemplate((each / np.linalg.norm(each)).astype(np.float32), DLIB_SPEC.model_id, i, transform)
                    for i, each in enumerate(turned)
                ],
                attributes={
                    "age": {"value": age, "low": age - 5, "high": age + 5},
                    "gender": {"value": ("female", "male", "unknown")[int(random.integers(3))]},
                    "emotion": {"value": "neutral"},
                }
                if random.random() < 0.8
                else None,
                metadata={"label": f"synthetic {number}", REFERENCE: f"E-{number:04}"},
                consent=Consent(clock.now, "1", "0" * 64, frozenset({"login", "attributes"})),
                flagged=flagged,
                flag_reason="look_alike" if flagged else None,
            )
            work.references.put(enrolled[-1], f"E-{number:04}")
            work.note("enrolled", enrolled[-1], photos=photos, model=DLIB_SPEC.model_id, uses="attributes,login")
            work.commit()
    clock.now = now
    return enrolled


def _logins(
    storage: Storage, clock: Hands, random: np.random.Generator, people: list[UUID], days: int
) -> dict[tuple[str, str], int]:
    counted: dict[tuple[str, str], int] = {}
    moments = sorted(_moments(clock.now, random, days))
    for at in moments:
        clock.now = at
        outcome = str(random.choice(OUTCOMES))
        mode = "1:N" if random.random() < 0.3 else "1:1"
        who = people[int(random.integers(len(people)))]
        accepted = outcome == "accepted"
        with storage.begin() as work:
            if accepted:
                work.logged_in(who)
            work.note(
                "login", who, outcome=outcome, mode=mode, band="sure" if accepted else "far", frames=3, acr="photo"
            )
            work.commit()
        counted[mode, outcome] = counted.get((mode, outcome), 0) + 1
    return counted


def _moments(now: datetime, random: np.random.Generator, days: int) -> Iterator[datetime]:
    """Workdays are busy in the morning and after lunch, nights are quiet; none is older than the first step shown."""
    for ago in range(24 * (days - 1)):
        hour = now - timedelta(hours=ago + 1)
        busy = {8: 16, 9: 10, 13: 8, 17: 5}.get(hour.hour, 2 if 7 <= hour.hour <= 19 else 0)
        for _ in range(random.poisson(busy * (0.3 if hour.weekday() >= 5 else 1))):
            yield hour + timedelta(minutes=float(random.uniform(0, 59)))
