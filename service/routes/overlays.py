"""`POST /v1/overlays`: a picture comes back with its faces hidden."""

from typing import Any

from fastapi import APIRouter, Request, Response

from embeddings.image import PictureFormat
from service.bootstrap import Application
from service.doors import anyone
from service.routes.bodies import PROBLEM, fields, image_body
from service.uploads import choice, one_image, read_form, text
from service.workers import Workers
from service.workflows.overlay import OverlayRequest

MAX_NAME = 40
ANSWER: dict[int | str, dict[str, Any]] = {
    "200": {
        "description": "The picture, a fresh file without metadata.",
        "content": {f"image/{each}": {"schema": {"type": "string", "format": "binary"}} for each in PictureFormat},
        "headers": {
            "X-Faces-Hidden": {"description": "How many faces were hidden.", "schema": {"type": "integer"}},
            "X-Smallest-Face-Px": {
                "description": "The smallest face that was searched for, pixels of the picture.",
                "schema": {"type": "number"},
            },
        },
    },
    "4XX": PROBLEM,
}


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["pictures"])
    settings = application.settings

    @routes.post(
        "/v1/overlays",
        dependencies=[anyone],
        response_class=Response,
        responses=ANSWER,
        openapi_extra=image_body(
            several=False,
            **fields(
                style="solid, pixelate or blur; solid when left out.",
                format="jpeg, png or webp; that of the picture when left out.",
            ),
        ),
    )
    async def overlay(request: Request) -> Response:
        """Hide every face in a picture. Neither the picture nor the answer is kept."""
        workers.admit()
        form = await read_form(request, settings.max_request_bytes, settings.max_request_images)
        done = await workers.run(
            application.overlay,
            OverlayRequest(
                image=one_image(form),
                style=text(form, "style", MAX_NAME) or "solid",
                format=choice(form, "format", PictureFormat),
            ),
        )
        headers = {
            "X-Faces-Hidden": str(done.faces if done.hides else 0),
            "X-Smallest-Face-Px": f"{done.smallest_face_px:.1f}",
        }
        return Response(done.image, media_type=done.format.media_type, headers=headers)

    return routes
