"""`/v1/overlays/films`: a film comes back with its faces hidden or dressed up, as a job."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel

from db.api_keys import Role
from embeddings.film import FilmLimits
from embeddings.film_writer import FilmCodec
from embeddings.image import ImageLimits
from service.bootstrap import Application
from service.doors import anyone, anyone_or
from service.errors import TABLE, describe
from service.film_jobs import KEPT_SECONDS, FilmJobs, OneProcess
from service.forms import Form, InvalidField, boolean, choice
from service.overlay_fields import MEANINGS, overlay_request
from service.routes.bodies import PROBLEM, fields
from service.uploads import read_form
from service.workflows.film import FilmDone, FilmRequest

PATH: Final = "/v1/overlays/films"
LIMITS: Final = FilmLimits(max_pixels=4096 * 2304, max_frames=36_000, max_seconds=600)
CONTAINERS: Final = {FilmCodec.VP9: "webm", FilmCodec.H264: "mp4"}
NOT_FOR_FILMS: Final = frozenset({"faces", "add", "keep", "except", "only", "strict", "format", "quality"})
"""Fields of `/v1/overlays` that are about one picture: refused, not passed over."""
Secret = Annotated[str, Header(alias="X-Job-Secret", max_length=64)]
BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["film"],
                    "properties": {
                        "film": {"type": "string", "format": "binary"},
                        **fields(
                            **{name: told for name, told in MEANINGS.items() if name not in NOT_FOR_FILMS},
                            codec="vp9 (WebM) or h264 (MP4); vp9 if left out.",
                            audio="true: copy the sound, which is left out else.",
                        ),
                    },
                }
            }
        },
    }
}


class Begun(BaseModel):
    """`secret`: goes into the header X-Job-Secret of every further request; whoever has it has the film.

    `kept_seconds`: a job that nobody asks about for so long is forgotten.
    """

    id: str
    secret: str
    kept_seconds: float


class Told(BaseModel):
    """`state`: waiting, working, done or failed. `stage`: find, draw or check, with frames `done` of `about`.

    `code` and `title`: why it failed.
    """

    state: str
    stage: str | None = None
    done: int = 0
    about: int | None = None
    code: str | None = None
    title: str | None = None


def router(application: Application, jobs: FilmJobs) -> APIRouter:
    routes = APIRouter(tags=["pictures"], responses={"4XX": PROBLEM})
    settings = application.settings

    @routes.post(
        PATH, dependencies=[anyone_or(Role.ENROLLER, Role.VERIFIER, Role.ADMIN)], status_code=202, openapi_extra=BODY
    )
    async def begin(request: Request) -> Begun:
        """Begin to hide or dress up every face in a film. Film and result are in memory alone."""
        if settings.processes > 1:
            raise OneProcess
        jobs.admit()
        form = await read_form(request, settings.max_film_bytes, 2)
        asked = film_request(form, ImageLimits(settings.max_image_bytes, settings.max_image_pixels))
        number, secret = jobs.begin(partial(application.film, asked))
        return Begun(id=number, secret=secret, kept_seconds=KEPT_SECONDS)

    @routes.get(f"{PATH}/{{job}}", dependencies=[anyone])
    async def progress(job: str, secret: Secret = "") -> Told:
        """How far it is."""
        found = jobs.ask(job, secret)
        now, known = found.progress, None if found.failed is None else (describe(found.failed) or ("internal", {}))
        return Told(
            state=found.state,
            stage=None if now is None else now.stage,
            done=0 if now is None else now.done,
            about=None if now is None else now.about,
            code=None if known is None else known[0],
            title=None if known is None else TABLE[known[0]].title,
        )

    @routes.get(f"{PATH}/{{job}}/film", dependencies=[anyone], response_class=Response, responses=ANSWER)
    async def take(job: str, secret: Secret = "") -> Response:
        """The new film, once: with the answer it is forgotten here."""
        film, done = jobs.take(job, secret)
        kind = "video/mp4" if film[4:8] == b"ftyp" else "video/webm"
        return Response(film, media_type=kind, headers=_headers(done))

    @routes.delete(f"{PATH}/{{job}}", dependencies=[anyone], status_code=204)
    async def cancel(job: str, secret: Secret = "") -> None:
        """End the work and forget film and result."""
        jobs.cancel(job, secret)

    return routes


ANSWER: dict[int | str, dict[str, Any]] = {
    "200": {
        "description": "The film, a fresh file without metadata.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("video/webm", "video/mp4")},
    }
}


def film_request(form: Form, limits: ImageLimits) -> FilmRequest:
    """Raises UploadRefused, UnknownStyle, BadLook, TooManyStyles, and ImageRefused for a sticker that is no picture."""
    for name in NOT_FOR_FILMS & form.fields.keys():
        raise InvalidField(name)
    codec = choice(form, "codec", FilmCodec) or FilmCodec.VP9
    drawing = overlay_request(form, None, limits)
    asked = FilmRequest(form.images[0], drawing.styles, codec, CONTAINERS[codec], seed=drawing.seed, limits=LIMITS)
    asked = replace(asked, audio=boolean(form, "audio"))
    return asked if drawing.check else replace(asked, check_every=0)


def _headers(done: FilmDone) -> dict[str, str]:
    headers = {
        "X-Hides": str(done.hides).lower(),
        "X-Faces-Drawn": str(done.faces),
        "X-Frames": str(done.frames),
        "X-Frames-Blacked-Out": str(done.blacked_out),
    }
    if done.detectable is not None:
        headers["X-Faces-Still-Detectable"] = str(done.detectable)
        headers["X-Faces-Still-Matching"] = "0"
    return headers
