"""The slot for a stronger embedder: a net of the operator's own, framed and fed as the card beside it says."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from embeddings import model_card
from embeddings.align import similarity, warp
from embeddings.embed import AllAtOnce, ModelSpec
from embeddings.model_card import CardRefused, ModelCard
from embeddings.onnx import BrokenModel, Runtime, Session
from embeddings.types import Face, FaceVector, Pixels

FLOAT: Final = onnx.TensorProto.FLOAT


class SlotEmbedder(AllAtOnce):
    """The net `/path/model.onnx`, its card `/path/model.json`. May be shared between threads.

    The face is framed by the detector's five points, which are those that the usual nets were trained on; dlib's finer
    ones lie elsewhere and have none of the mouth.
    """

    def __init__(self, model: Path, runtime: Runtime) -> None:
        """Reads the card, then the model, and runs it once. Raises CardRefused.

        The operating points may be missing, and those of another file or another feeding are left out: see
        `embedders.require_points`.
        """
        self.card: Final = model_card.read(model_card.beside(model))
        self._session, self._input, digest = _load(model, self.card, runtime)
        model_id = self.card.model_id(digest)
        points = self.card.points() if self.card.measured_for in (None, model_id) else ()
        spec = ModelSpec(model_id, self.card.dimension, points, licence=self.card.licence)
        near = self.card.same_capture_distance
        self.spec: Final = spec if near is None else replace(spec, same_capture_distance=near)
        self._template = np.array(self.card.template_points, np.float64)
        self._trial()

    def vector(self, pixels: Pixels, face: Face, chip: Pixels) -> FaceVector:  # noqa: ARG002 - it has a frame of its own
        """Of the face in the picture. Raises ValueError where the points coincide, or the net gives no direction."""
        frame = self.frame(pixels, face)
        views = (frame, frame[:, ::-1]) if self.card.mirror else (frame,)
        total = np.sum([self._run(view) for view in views], axis=0)
        length = float(np.linalg.norm(total))
        if not 1e-9 < length < float("inf"):
            raise ValueError("the model gives no direction for this face")
        return FaceVector((total / length).astype(np.float32), self.spec.model_id)

    def frame(self, pixels: Pixels, face: Face) -> Pixels:
        """What the net sees, uint8 [height, width, 3], RGB; black beyond the picture.

        Raises ValueError where the points coincide.
        """
        # A template counts from the centre of the first pixel, a face from its outer corner.
        to_picture = similarity(self._template, face.points.astype(np.float64) - 0.5)
        width, height = self.card.input_size
        return warp(pixels, to_picture, max(width, height))[:height, :width]

    def _run(self, frame: Pixels) -> NDArray[np.float64]:
        (raw, *_) = self._session.run({self._input: fed(frame, self.card)})
        return raw.astype(np.float64).reshape(-1)

    def _trial(self) -> None:
        width, height = self.card.input_size
        try:
            numbers = self._run(np.full((height, width, 3), 127, np.uint8)).size
        except Exception as error:  # onnxruntime's exceptions have no common base
            raise CardRefused("input_size: the model does not run on a picture of that size") from error
        if numbers != self.card.dimension:
            raise CardRefused(f"dimension: the model gives {numbers} numbers, the card says {self.card.dimension}")


def fed(frame: Pixels, card: ModelCard) -> NDArray[np.float32]:
    """The net's input, float32 [1, 3, height, width] or [1, height, width, 3], of a frame uint8 [height, width, 3]."""
    ordered = frame if card.colour_order == "rgb" else frame[..., ::-1]
    values = (ordered.astype(np.float32) - np.asarray(card.mean, np.float32)) / np.asarray(card.scale, np.float32)
    planes = values.transpose(2, 0, 1) if card.layout == "nchw" else values
    return np.ascontiguousarray(planes[None], dtype=np.float32)


def model_id(model: Path) -> str:
    """What the vectors of the net in that file are called, without loading it. Raises CardRefused."""
    card = model_card.read(model_card.beside(model))
    return card.model_id(hashlib.sha256(_content(model)).hexdigest())


def _content(model: Path) -> bytes:
    try:
        return model.read_bytes()
    except OSError as error:
        raise CardRefused(f"{model.name}: the model cannot be read") from error


def _load(model: Path, card: ModelCard, runtime: Runtime) -> tuple[Session, str, str]:
    """The session, the name of its input and the file's SHA-256."""
    content = _content(model)
    digest = hashlib.sha256(content).hexdigest()
    if card.sha256 not in (None, digest):
        raise CardRefused(f"sha256: {model.name} is another file than the card describes")
    try:
        session = runtime.load(content)
    except BrokenModel as error:
        raise CardRefused(f"{model.name}: {error}; weights must lie in the same file") from error
    return session, _input(onnx.load_model_from_string(content).graph, card), digest


def _input(graph: onnx.GraphProto, card: ModelCard) -> str:
    """The name of the net's one input, whose shape fits the card. Raises CardRefused."""
    stored = {tensor.name for tensor in graph.initializer}  # nets of old exporters list their weights as inputs
    inputs = [each for each in graph.input if each.name not in stored]
    if len(inputs) != 1 or inputs[0].type.tensor_type.elem_type != FLOAT:
        raise CardRefused("layout: the model takes something other than one float32 picture")
    sides = inputs[0].type.tensor_type.shape.dim
    found = [side.dim_value if side.HasField("dim_value") else None for side in sides]
    width, height = card.input_size
    wanted = [1, 3, height, width] if card.layout == "nchw" else [1, height, width, 3]
    if len(found) != 4 or found[wanted.index(3)] not in (3, None):
        raise CardRefused(f"layout: the model takes {_shape(found)}, which is not {card.layout}")
    if any(has not in (None, want) for has, want in zip(found, wanted, strict=True) if has != 0):
        raise CardRefused(f"input_size: the model takes {_shape(found)}, the card says {width} x {height}")
    return str(inputs[0].name)


def _shape(sides: list[int | None]) -> str:
    return " x ".join("any" if side is None else str(side) for side in sides)
