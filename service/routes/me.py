"""`/v1/me`: what somebody who is logged in sees of their own record, and its erasure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from service.access import bearer
from service.bootstrap import Application
from service.routes.bodies import PROBLEM


class Me(BaseModel):
    """Everything about a person except the vectors themselves."""

    user_id: UUID
    enrolled_at: datetime
    last_login_at: datetime | None
    photos: int
    models: tuple[str, ...]
    attributes: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None
    acr: str


class Erased(BaseModel):
    """`pending`: the key is destroyed, freed space is still to be cleared."""

    state: Literal["erased", "pending"]


def router(application: Application) -> APIRouter:
    routes = APIRouter(tags=["people"])

    @routes.get("/v1/me", responses={"4XX": PROBLEM})
    def show(request: Request) -> Me:
        """What is kept about the bearer of the token."""
        person, acr = application.me.show(bearer(request))
        return Me(
            user_id=person.user_id,
            enrolled_at=person.created_at,
            last_login_at=person.last_login_at,
            photos=person.templates,
            models=person.model_ids,
            attributes=person.attributes,
            metadata=person.metadata,
            acr=acr,
        )

    @routes.delete("/v1/me", responses={"202": {"model": Erased}, "4XX": PROBLEM})
    def erase(request: Request, response: Response) -> Erased:
        """Erase the bearer of the token for good. 202: the key is destroyed, freed space is still to be cleared."""
        done = application.me.erase(bearer(request))
        response.status_code = 202 if done.pending else 200
        return Erased(state="pending" if done.pending else "erased")

    return routes
