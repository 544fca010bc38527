"""The card beside an embedder of the operator's own: `/path/model.json` says how the net `/path/model.onnx` is fed,
what its vectors are called and which thresholds were measured for them.

A card is read strictly: a field that is unknown, of another type or out of its range stops the start.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from embeddings import card_rows
from embeddings.card_rows import Metric, Row, Strict
from embeddings.operating import OperatingPoint

ARCFACE_SIDE: Final = 112
ARCFACE_POINTS: Final = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
"""deepinsight/insightface, python-package/insightface/utils/face_align.py, `arcface_dst`: px of a 112 x 112 input,
whole numbers are the centres of pixels."""

Number = float | tuple[float, float, float]


class CardRefused(Exception):
    """The card of an embedder, or its model, cannot be used; the message is one sentence and names the field."""

    code: ClassVar[str] = "embedder_card"


class ModelCard(Strict):
    """How a net is fed, and what goes with its vectors.

    A picture is turned, scaled and shifted so that its five points (image-left eye, image-right eye, tip of the nose,
    image-left and image-right mouth corner) lie at `template_points`, px of the input, as nearly as a similarity can;
    the net then gets (value - mean) / scale of each pixel (values 0 to 255; one number, or one for each colour in
    `colour_order`). `mirror`: a vector is that of the picture plus that of its mirror image. `same_capture_distance`:
    Euclidean; vectors nearer than this are of one moment. `measured_for`: the model_id of the operating points.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")
    licence: str = Field(min_length=1)
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    input_size: tuple[Annotated[int, Field(ge=16, le=1024)], Annotated[int, Field(ge=16, le=1024)]] = (
        ARCFACE_SIDE,
        ARCFACE_SIDE,
    )
    template_points: tuple[tuple[float, float], ...] = Field(ARCFACE_POINTS, min_length=5, max_length=5)
    mean: Number
    scale: Number
    colour_order: Literal["rgb", "bgr"]
    layout: Literal["nchw", "nhwc"]
    dimension: int = Field(ge=8, le=8192)
    metric: Metric
    mirror: bool = True
    same_capture_distance: float | None = Field(None, gt=0, lt=2)
    operating_points: tuple[Row, ...] = ()
    measured_for: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _check_template(self)
        divisors = self.scale if isinstance(self.scale, tuple) else (self.scale,)
        if min(divisors) < 1:
            raise ValueError("scale: values are divided by it, so it is 1 or more (127.5 for the usual nets)")
        if self.operating_points and self.same_capture_distance is None:
            raise ValueError("same_capture_distance: is needed beside operating points")
        card_rows.check(self.operating_points, self.metric)
        return self

    def model_id(self, digest: str) -> str:
        """The name of the vectors: the card's, the model file's digest (SHA-256, hexadecimal), and how it is fed.

        So another file, or the same file fed otherwise, is another model.
        """
        feeding = self.model_dump(
            mode="json",
            include={"input_size", "template_points", "mean", "scale", "colour_order", "layout", "mirror"},
        )
        fed = hashlib.sha256(json.dumps(feeding, sort_keys=True).encode()).hexdigest()
        return f"{self.name}.{digest[:12]}.{fed[:8]}"

    def points(self) -> tuple[OperatingPoint, ...]:
        """The rows as thresholds of Euclidean distance."""
        return tuple(row.point(self.metric) for row in self.operating_points)


def beside(model: Path) -> Path:
    """Where the card of a model file lies: `model.onnx` has `model.json`."""
    return model.with_suffix(".json")


def read(path: Path) -> ModelCard:
    """Raises CardRefused."""
    try:
        return parse(path.read_bytes(), path.name)
    except OSError as error:
        raise CardRefused(f"{path.name}: the card beside the model cannot be read") from error


def parse(content: str | bytes, name: str) -> ModelCard:
    """The card of that file name. Raises CardRefused."""
    try:
        return ModelCard.model_validate_json(content)
    except ValidationError as error:
        raise CardRefused(f"{name}: {_first(error)}") from None


def _check_template(card: ModelCard) -> None:
    points, (width, height) = card.template_points, card.input_size
    if points == ARCFACE_POINTS and (width, height) != (ARCFACE_SIDE, ARCFACE_SIDE):
        raise ValueError("template_points: are needed for an input that is not 112 x 112")
    if not all(0 <= x <= width and 0 <= y <= height for x, y in points):
        raise ValueError("template_points: lie within the input")
    left, right, _, mouth_left, mouth_right = points
    eyes_above = max(left[1], right[1]) < min(mouth_left[1], mouth_right[1])
    if not (eyes_above and left[0] < right[0] and mouth_left[0] < mouth_right[0]):
        raise ValueError(
            "template_points: are image-left eye, image-right eye, nose, image-left and -right mouth corner"
        )


def _first(error: ValidationError) -> str:
    part = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(step) for step in part["loc"])
    told = part["msg"].removeprefix("Value error, ")
    return f"{where}: {told}" if where else told
