"""What operators ask for, and whom they look at."""

import json
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from fastapi import FastAPI
from sqlalchemy import update
from sqlmodel import col

from db.details import ATTRIBUTES
from db.records import NewTemplate
from db.storage import Storage
from db.tables import DetailRow
from tests.db.people import AGREED, Clock
from tests.service.asgi_client import Answer

PEOPLE = "/v1/admin/people"
START = Clock().now


def with_query(app: FastAPI, query: str) -> Any:
    async def called(given: Any, receive: Any, send: Any) -> None:
        await app({**given, "query_string": query.encode()}, receive, send)

    return called


def told(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def enrol(storage: Storage, seed: int = 0, **more: Any) -> UUID:
    """Somebody of random numbers, with a label, a reference and an age."""
    user_id, model = uuid4(), "dlib-resnet-v1.five-points.mirror"
    vector = np.random.default_rng(seed).standard_normal(128)
    unit = (vector / np.linalg.norm(vector)).astype(np.float32)
    with storage.begin() as work:
        work.add_person(
            user_id,
            templates=[NewTemplate(unit, model, 0, work.transform())],
            attributes={"age": {"value": 40.0, "low": 36.0, "high": 44.0}},
            metadata={"label": "of-nobody's-business", "reference": f"ref-{seed}"},
            consent=AGREED,
            flagged="flag_reason" in more,
            **more,
        )
        work.references.put(user_id, f"ref-{seed}")
        work.note("enrolled", user_id, photos=1)
        work.commit()
    return user_id


def damage(storage: Storage, user_id: UUID) -> None:
    with storage._data.begin() as connection:
        whose = col(DetailRow.user_id) == user_id, col(DetailRow.kind) == ATTRIBUTES
        assert connection.execute(update(DetailRow).where(*whose).values(sealed=b"\0")).rowcount == 1


def ids(page: Any) -> list[str]:
    return [each["user_id"] for each in page["people"]]
