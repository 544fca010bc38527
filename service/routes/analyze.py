"""`POST /v1/analyze`: the faces in a picture and how good they are. Nothing is kept."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from embeddings.pipeline import Analysis
from service.bootstrap import Application
from service.routes.bodies import PROBLEM, image_body
from service.uploads import one_image, read_form
from service.workers import Workers


class Box(BaseModel):
    """Pixels of the upright picture."""

    x: float
    y: float
    width: float
    height: float


class Quality(BaseModel):
    """What the quality gate measured."""

    eye_distance_px: float
    sharpness: float
    brightness: float
    asymmetry: float


class Face(BaseModel):
    """One face. `points`: image-left eye, image-right eye, nose tip, image-left and image-right mouth corner."""

    box: Box
    score: float
    points: list[tuple[float, float]]
    quality: Quality
    refusals: list[str]


class Faces(BaseModel):
    """A picture's size and its faces, the largest first."""

    width: int
    height: int
    faces: list[Face]


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["pictures"])
    settings = application.settings

    @routes.post("/v1/analyze", responses={"4XX": PROBLEM}, openapi_extra=image_body(several=False))
    async def analyze(request: Request) -> Faces:
        """Faces, their quality, and why enrolment or login would refuse each. The picture is not kept."""
        workers.admit()
        form = await read_form(request, settings.max_request_bytes, settings.max_request_images)
        return _faces(await workers.run(application.pipeline.analyse, one_image(form)))

    return routes


def _faces(analysis: Analysis) -> Faces:
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
                    asymmetry=quality.asymmetry,
                ),
                refusals=[refusal.value for refusal in quality.refusals],
            )
            for face, quality in ((seen.face, seen.quality) for seen in analysis.faces)
        ],
    )
