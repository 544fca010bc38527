"""`/v1/overlays`: a picture comes back with its faces hidden or dressed up."""

import asyncio
import base64
import hashlib
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from db.api_keys import Role
from embeddings.image import ImageLimits, PictureFormat, encode
from overlays.preview import preview
from overlays.style import STYLES
from service.accept import preferred
from service.bootstrap import Application
from service.doors import Caller, anyone, anyone_or
from service.errors import ApiKeyRequired, RoleRequired
from service.overlay_fields import MEANINGS, overlay_request
from service.routes.bodies import PROBLEM, fields, image_body
from service.uploads import one_image, read_form
from service.workers import Workers
from service.workflows.overlay import Located, Overlaid

JSON: Final = "application/json"
ANY_PICTURE: Final = "image/any"
"""No type there is: only a range takes it."""
COMPARING: Final = frozenset({Role.VERIFIER, Role.ADMIN})
HEADERS: Final = {
    "X-Hides": ("Whether a style that hides was drawn.", "boolean"),
    "X-Faces-Hidden": ("How many faces were hidden.", "integer"),
    "X-Faces-Drawn": ("How many faces were drawn on.", "integer"),
    "X-Faces-Still-Detectable": ("Covers that a second search finds a face on; avatars are faces.", "integer"),
    "X-Faces-Still-Matching": ("Hidden faces that still pass for themselves; 0, or the answer is an error.", "integer"),
    "X-Smallest-Face-Px": ("The smallest face that was searched for, pixels of the picture.", "number"),
}


class Proof(BaseModel):
    """What a second search found in the finished picture; see docs/overlays.md."""

    hidden: int
    still_detectable: int
    still_matching: int


class Drawn(BaseModel):
    """The picture, base64, for who asks for JSON. `proof` is missing where nothing was checked or nothing hides."""

    image: str
    media_type: str
    hides: bool
    faces: int
    smallest_face_px: float
    proof: Proof | None


class Spot(BaseModel):
    """A face: its number, and where it is in pixels of the upright picture."""

    number: int
    x: float
    y: float
    width: float
    height: float


class Spots(BaseModel):
    """A picture's size and its faces, the largest first; nothing about whose they are."""

    width: int
    height: int
    faces: list[Spot]
    smallest_face_px: float


class Style(BaseModel):
    """`looks`: what may be chosen, as `NAME.LOOK` fields of a request; `preview`: where a picture of it is."""

    name: str
    title: str
    hides: bool
    looks: dict[str, dict[str, Any]]
    preview: str


class Styles(BaseModel):
    """In the order in which they are shown."""

    styles: list[Style]


ANSWER: dict[int | str, dict[str, Any]] = {
    "200": {
        "description": "The picture, a fresh file without metadata; or JSON where Accept prefers that.",
        "content": {f"image/{each}": {"schema": {"type": "string", "format": "binary"}} for each in PictureFormat}
        | {JSON: {"schema": Drawn.model_json_schema(ref_template="#/components/schemas/{model}")}},
        "headers": {
            name: {"description": meaning, "schema": {"type": kind}} for name, (meaning, kind) in HEADERS.items()
        },
    },
    "4XX": PROBLEM,
}


PREVIEW: dict[int | str, dict[str, Any]] = {
    "200": {"description": "A picture.", "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
    "304": {"description": "As before."},
    "4XX": PROBLEM,
}


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["pictures"])
    settings = application.settings
    limits = ImageLimits(settings.max_image_bytes, settings.max_image_pixels)

    @routes.post(
        "/v1/overlays",
        response_class=Response,
        responses=ANSWER,
        openapi_extra=image_body(several=True, **fields(**MEANINGS)),
    )
    async def overlay(
        request: Request, caller: Annotated[Caller, anyone_or(Role.ENROLLER, Role.VERIFIER, Role.ADMIN)]
    ) -> Response:
        """Hide or dress up the faces in a picture. Neither the picture nor the answer is kept.

        `except` and `only` compare faces with people enrolled: that needs the API key of a verifier or admin, but where
        enrolment is open."""
        workers.admit()
        form = await read_form(request, settings.max_request_bytes, settings.max_request_images)
        kind = _kind(request)
        asked = overlay_request(form, None if kind in {None, JSON} else PictureFormat(kind.partition("/")[2]), limits)
        if asked.which.by_person:
            _may_compare(caller, is_open=settings.enrolment_is_open)
            asked = replace(asked, which=replace(asked.which, tenant=caller.tenant))
        done = await workers.run(application.overlay, asked)
        if kind == JSON:
            return Response(_told(done).model_dump_json(), media_type=JSON, headers=_headers(done))
        return Response(done.image, media_type=done.format.media_type, headers=_headers(done))

    @routes.post(
        "/v1/overlays/faces", dependencies=[anyone], responses={"4XX": PROBLEM}, openapi_extra=image_body(several=False)
    )
    async def faces(request: Request) -> Spots:
        """The faces that an overlay would be drawn on, for somebody to choose from. Nothing is drawn, told or kept."""
        workers.admit()
        form = await read_form(request, settings.max_request_bytes, settings.max_request_images)
        return _spots(await workers.run(application.overlay.faces, one_image(form)))

    @routes.get("/v1/overlays/styles", dependencies=[anyone])
    async def styles() -> Styles:
        """The styles there are, what each hides, and what may be chosen about it."""
        return Styles(
            styles=[
                Style(
                    name=name,
                    title=kind.title,
                    hides=kind.hides,
                    looks={look: dict(its.described()) for look, its in kind.looks.items()},
                    preview=f"/v1/overlays/styles/{name}/preview",
                )
                for name, kind in STYLES.items()
            ]
        )

    @routes.get("/v1/overlays/styles/{name}/preview", dependencies=[anyone], response_class=Response, responses=PREVIEW)
    async def shown(name: str, request: Request) -> Response:
        """A style on a drawn face, of nobody: a PNG picture that may be kept for a day."""
        image, tag = await asyncio.to_thread(_preview, name)
        headers = {"Cache-Control": "public, max-age=86400", "ETag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(image, media_type=PictureFormat.PNG.media_type, headers=headers)

    return routes


def _may_compare(caller: Caller, *, is_open: bool) -> None:
    """Raises ApiKeyRequired, RoleRequired: what is hidden would tell anybody who is enrolled."""
    if caller.role is None and not is_open:
        raise ApiKeyRequired
    if caller.role is not None and caller.role not in COMPARING:
        raise RoleRequired


@cache
def _preview(name: str) -> tuple[bytes, str]:
    """The file and its tag. Raises UnknownStyle."""
    image = encode(preview(name), PictureFormat.PNG)
    return image, f'"{hashlib.sha256(image).hexdigest()[:32]}"'


def _kind(request: Request) -> str | None:
    """What Accept names; None where any picture will do, and for a header that takes nothing of what there is."""
    offered = [ANY_PICTURE, *(each.media_type for each in PictureFormat), JSON]
    best = preferred(request.headers.get("accept", ""), offered)
    return None if best == ANY_PICTURE else best


def _headers(done: Overlaid) -> dict[str, str]:
    headers = {
        "X-Hides": str(done.hides).lower(),
        "X-Faces-Hidden": str(done.faces if done.hides else 0),
        "X-Faces-Drawn": str(done.faces),
        "X-Smallest-Face-Px": f"{done.smallest_face_px:.1f}",
    }
    if done.proof is not None:
        headers["X-Faces-Still-Detectable"] = str(done.proof.detectable)
        headers["X-Faces-Still-Matching"] = str(len(done.proof.left))
    return headers


def _told(done: Overlaid) -> Drawn:
    proof = done.proof
    return Drawn(
        image=base64.b64encode(done.image).decode(),
        media_type=done.format.media_type,
        hides=done.hides,
        faces=done.faces,
        smallest_face_px=done.smallest_face_px,
        proof=None
        if proof is None
        else Proof(hidden=proof.hidden, still_detectable=proof.detectable, still_matching=len(proof.left)),
    )


def _spots(found: Located) -> Spots:
    return Spots(
        width=found.width,
        height=found.height,
        faces=[
            Spot(number=number, x=face.box.x, y=face.box.y, width=face.box.width, height=face.box.height)
            for number, face in enumerate(found.faces)
        ],
        smallest_face_px=found.smallest_face_px,
    )
