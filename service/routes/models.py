"""`/v1/admin/models` and `/v1/admin/lookalikes`: how well faces are told apart, as measured and here."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from db.api_keys import Role
from embeddings.cards import Card, cards
from embeddings.operating import Measure, of_measure, verification_point
from service.bootstrap import Application, face_spec
from service.doors import Caller, roles
from service.errors import TooManyToCompare, describe, problem
from service.logs import log_failure
from service.long_work import LongWork, Running, Tell
from service.routes.bodies import PROBLEM
from service.workflows.examine import Examine
from service.workflows.examined import Examined, Verdict

MOST_COMPARED = 2000
"""People, in an answer that comes without a word before it is whole: some seconds."""
LINES: Final = "application/x-ndjson"
STREAMED: Final[dict[str, Any]] = {
    "content": {LINES: {"schema": {"type": "string"}}},
    "description": "The result. As lines of JSON: `progress` (0 to 1) several times, at last `result` or `problem`.",
}
MOST_SHOWN = 200


class ErrorRate(BaseModel):
    """With so many moments enrolled and at login: false match rate, false non-match rate, the pairs of people that the
    threshold rests on. `in_use`: logins with a claim are decided by it."""

    enrolled: int
    captures: int
    fmr: float
    fnmr: float
    impostor_events: int | None
    in_use: bool


class Recognition(BaseModel):
    """`fmr`: of a login with a claim, `fpir`: of one by face alone; as they are set."""

    model_id: str
    matching: Measure
    licence: str
    fmr: float
    fpir: float
    measured_on: list[str]
    rates: list[ErrorRate]


class Models(BaseModel):
    recognition: Recognition
    cards: list[Card]


class Pair(BaseModel):
    """Two people who could be taken for each other. `fmr`: the strictest measured false match rate at which they still
    are; in logins with a claim, and by face alone."""

    user_ids: tuple[UUID, UUID]
    fmr: float
    verification: bool
    identification: bool


class Refused(BaseModel):
    """Somebody whose own captures, against one another, would be refused: `accepted` of so many."""

    user_id: UUID
    captures: int
    accepted: int


class LookAlikes(BaseModel):
    """`pairs`, `refused`: at most 200, the likeliest first; `pair_count`, `refused_count`: all of them.

    `own_*`: captures against others of the same person; `others_*`: against those of other people; `expected`: by the
    published error rates. `other_model`: people who are not compared."""

    verdict: Verdict
    people: int
    other_model: int
    single_capture: int
    own_captures: int
    own_accepted: int
    own_expected: float
    others_comparisons: int
    others_accepted: int
    others_expected: float
    pair_count: int
    pairs: list[Pair]
    refused_count: int
    refused: list[Refused]


def router(application: Application, comparing: LongWork) -> APIRouter:
    routes = APIRouter(prefix="/v1/admin", tags=["operation"])

    @routes.get("/models", dependencies=[roles(Role.ADMIN, Role.AUDITOR)], responses={"4XX": PROBLEM})
    def models() -> Models:
        """The networks in use, their cards and measured error rates."""
        return Models(recognition=_recognition(application), cards=list(cards()))

    @routes.get("/lookalikes", response_model=LookAlikes, responses={"200": STREAMED, "4XX": PROBLEM})
    async def lookalikes(request: Request, caller: Annotated[Caller, roles(Role.ADMIN)]) -> LookAlikes | Response:
        """Compare everybody with everybody: who could be taken for whom, and who is recognised poorly. Who accepts
        application/x-ndjson is told how far it is, line by line, and may ask with any number of people; who goes away
        ends it."""
        settings, storage = application.settings, application.storage.of(caller.tenant)
        fmr, fpir = settings.verification_fmr, settings.identification_fpir
        streamed = LINES in request.headers.get("accept", "")

        def work(tell: Tell) -> LookAlikes:
            if not streamed and application.of(caller.tenant).people.count() > MOST_COMPARED:
                raise TooManyToCompare(MOST_COMPARED)
            return _told(Examine(storage, face_spec(settings), fmr=fmr, fpir=fpir)(tell))

        running = comparing.begin(work)
        return StreamingResponse(_lines(running), media_type=LINES) if streamed else await running.result()

    return routes


async def _lines(running: Running[LookAlikes]) -> AsyncIterator[bytes]:
    """How far it is, then the result, or the problem that ended it."""
    async with aclosing(running.shares()) as shares:
        async for share in shares:
            yield _line(progress=round(share, 3))
    try:
        yield _line(result=running.future.result().model_dump(mode="json"))
    except Exception as error:  # noqa: BLE001 - the status is out: the last line tells it
        known = describe(error)
        if known is None:
            log_failure(error, event="lookalikes_failed")
        code, members = known or ("internal", {})
        yield _line(problem=json.loads(problem(code, **members)[2]))


def _line(**told: object) -> bytes:
    return json.dumps(told).encode() + b"\n"


def _recognition(application: Application) -> Recognition:
    settings = application.settings
    spec = face_spec(settings)
    points = of_measure(spec.operating_points, spec.comparison.measure)
    used = {mode: verification_point(points, mode, settings.verification_fmr).fmr for mode in {p.mode for p in points}}
    return Recognition(
        model_id=spec.model_id,
        matching=spec.comparison.measure,
        licence=spec.licence,
        fmr=settings.verification_fmr,
        fpir=settings.identification_fpir,
        measured_on=sorted({point.measured_on for point in points}),
        rates=[
            ErrorRate(
                enrolled=point.mode.enrolled,
                captures=point.mode.captures,
                fmr=point.fmr,
                fnmr=point.fnmr,
                impostor_events=point.impostor_events,
                in_use=point.fmr == used[point.mode],
            )
            for point in sorted(points, key=lambda each: (each.mode, -each.fmr))
        ],
    )


def _told(found: Examined) -> LookAlikes:
    poorly = [each for each in found.members if each.own.accepted < len(each.own.values)]
    poorly.sort(key=lambda each: each.own.accepted / len(each.own.values))
    others, own = found.others, found.own
    return LookAlikes(
        verdict=found.verdict,
        people=len(found.members),
        other_model=found.other_model,
        single_capture=sum(each.captures == 1 for each in found.members),
        own_captures=found.own_captures,
        own_accepted=own.accepted,
        own_expected=round(own.expected, 1),
        others_comparisons=others.comparisons if others else 0,
        others_accepted=others.accepted if others else 0,
        others_expected=round(others.expected, 3) if others else 0.0,
        pair_count=len(found.pairs),
        pairs=[
            Pair(user_ids=each.users, fmr=each.fmr, verification=each.by_claim, identification=each.by_face_alone)
            for each in found.pairs[:MOST_SHOWN]
        ],
        refused_count=len(poorly),
        refused=[
            Refused(user_id=each.user_id, captures=len(each.own.values), accepted=each.own.accepted)
            for each in poorly[:MOST_SHOWN]
        ],
    )
