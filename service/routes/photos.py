"""`POST /v1/me/photos`: photos of other moments for one's own record."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from service.bootstrap import Application
from service.doors import Person
from service.routes.bodies import PROBLEM, fields, image_body
from service.uploads import captured_at, read_form
from service.workers import Workers


class Photos(BaseModel):
    """`photos` and `captures` (independent moments) in all; `replaced`: those before are gone."""

    photos: int
    added: int
    captures: int
    replaced: bool


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["people"])
    settings = application.settings

    @routes.post(
        "/v1/me/photos",
        status_code=201,
        responses={"4XX": PROBLEM},
        openapi_extra=image_body(several=True, **fields(captured_at="Milliseconds since 1970, one for each picture.")),
    )
    async def add(request: Request, caller: Person) -> Photos:
        """Photos of another moment, after a login of the last five minutes; after a recovery they replace the others.

        The pictures are not kept."""
        workers.admit()
        form = await read_form(request, settings.max_request_bytes, settings.max_request_images)
        taken_at = captured_at(form)
        done = await workers.run(
            lambda: application.of(caller.tenant).grow.for_bearer(caller.token, form.images, taken_at)
        )
        return Photos(photos=done.photos, added=done.added, captures=done.captures, replaced=done.replaced)

    return routes
