"""`POST /v1/analyze`: the faces in a picture and how good they are. Nothing is kept."""

from dataclasses import asdict
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from db.api_keys import Role
from embeddings.attributes import KINDS, described
from embeddings.pipeline import Analysis
from service.bootstrap import Application
from service.doors import anyone_or
from service.routes.bodies import PROBLEM, fields, image_body
from service.uploads import kinds, one_image, read_form
from service.workers import Workers


class Box(BaseModel):
    """Pixels of the upright picture."""

    x: float
    y: float
    width: float
    height: float


class Pose(BaseModel):
    """Degrees. yaw: to the right of the picture; pitch: chin up, about -6 looks into the camera; roll: clockwise."""

    yaw: float
    pitch: float
    roll: float


class Quality(BaseModel):
    """What the quality gate measured. `pose` is missing where it cannot be told."""

    eye_distance_px: float
    sharpness: float
    brightness: float
    pose: Pose | None


class Face(BaseModel):
    """One face. `points`: image-left eye, image-right eye, nose tip, image-left and image-right mouth corner."""

    box: Box
    score: float
    points: list[tuple[float, float]]
    quality: Quality
    refusals: list[str]
    attributes: dict[str, Any]


class Faces(BaseModel):
    """A picture's size and its faces, the largest first."""

    width: int
    height: int
    faces: list[Face]


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["pictures"])
    settings = application.settings
    looked_for = frozenset(settings.attributes)

    @routes.post(
        "/v1/analyze",
        dependencies=[anyone_or(Role.VERIFIER, Role.ENROLLER)],
        responses={"4XX": PROBLEM},
        openapi_extra=image_body(
            several=False, **fields(attributes="What to tell of age, gender, emotion, comma separated, or `none`.")
        ),
    )
    async def analyze(request: Request) -> Faces:
        """Faces, their quality, why enrolment would refuse each, and what they appear to be. Nothing is kept."""
        workers.admit()
        form = await read_form(request, settings.max_request_bytes, settings.max_request_images)
        chosen = kinds(form, "attributes", KINDS)
        wanted = looked_for if chosen is None else chosen & looked_for
        analyse = partial(application.pipeline.analyse, attributes=bool(wanted))
        return _faces(await workers.run(analyse, one_image(form)), wanted)

    return routes


def _faces(analysis: Analysis, wanted: frozenset[str]) -> Faces:
    return Faces(
        width=analysis.width,
        height=analysis.height,
        faces=[
            Face(
                box=Box(x=face.box.x, y=face.box.y, width=face.box.width, height=face.box.height),
                score=face.score,
                points=[(float(x), float(y)) for x, y in face.points],
                quality=Quality(
                    eye_distance_px=quality.eye_distance_px,
                    sharpness=quality.sharpness,
                    brightness=quality.brightness,
                    pose=None if quality.pose is None else Pose(**asdict(quality.pose)),
                ),
                refusals=[refusal.value for refusal in quality.refusals],
                attributes=described(attributes, wanted),
            )
            for face, quality, attributes in ((seen.face, seen.quality, seen.attributes) for seen in analysis.faces)
        ],
    )
