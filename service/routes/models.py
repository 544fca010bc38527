"""`/v1/admin/models` and `/v1/admin/lookalikes`: how well faces are told apart, as measured and here."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from db.api_keys import Role
from embeddings.cards import Card, cards
from embeddings.operating import Measure, of_measure, verification_point
from service.bootstrap import Application, face_spec
from service.doors import Caller, roles
from service.errors import TooManyToCompare
from service.routes.bodies import PROBLEM
from service.workers import OneAtATime, Workers
from service.workflows.examine import Examine
from service.workflows.examined import Examined, Verdict

MOST_COMPARED = 2000
"""People; everybody is compared with everybody, so twice as many take four times as long."""
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


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(prefix="/v1/admin", tags=["operation"])
    alone = OneAtATime()

    @routes.get("/models", dependencies=[roles(Role.ADMIN, Role.AUDITOR)], responses={"4XX": PROBLEM})
    def models() -> Models:
        """The networks in use, their cards and measured error rates."""
        return Models(recognition=_recognition(application), cards=list(cards()))

    @routes.get("/lookalikes", responses={"4XX": PROBLEM})
    async def lookalikes(caller: Annotated[Caller, roles(Role.ADMIN)]) -> LookAlikes:
        """Compare everybody with everybody: who could be taken for whom, and who is recognised poorly."""
        settings, storage = application.settings, application.storage.of(caller.tenant)
        fmr, fpir = settings.verification_fmr, settings.identification_fpir

        def work() -> LookAlikes:
            if application.of(caller.tenant).people.count() > MOST_COMPARED:
                raise TooManyToCompare(MOST_COMPARED)
            return _told(Examine(storage, face_spec(settings), fmr=fmr, fpir=fpir)())

        return await workers.run(lambda: alone(work))

    return routes


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
