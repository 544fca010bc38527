"""Which embedder a name stands for: those that ship, and the slot for a net of the operator's own."""

from typing import Final

from embeddings import fused, slot
from embeddings.embed import DLIB_SPEC, FaceEmbedder, ModelSpec, embedder_for
from embeddings.fused import FusedEmbedder
from embeddings.model_card import CardRefused
from embeddings.names import SLOT, embedder_name, slot_path
from embeddings.onnx import Runtime
from embeddings.slot import SlotEmbedder

MODEL_IDS: Final = {"onnx": DLIB_SPEC.model_id, "dlib": DLIB_SPEC.model_id, "fused": fused.MODEL_ID}
"""Of the embedders that ship, by name."""


def face_embedder(name: str, runtime: Runtime) -> FaceEmbedder:
    """The embedder of that name, see `embedder_name`. Raises ValueError, WeightsUnusable, BrokenModel, CardRefused."""
    path = slot_path(embedder_name(name))
    if path is not None:
        return SlotEmbedder(path, runtime)
    if name == "fused":
        return FusedEmbedder(runtime)
    return embedder_for("dlib" if name == "dlib" else "onnx", runtime)


def spec_named(name: str) -> ModelSpec:
    """What goes with the vectors of that embedder; only a net of the operator's own is loaded for it. Raises as
    `face_embedder` does."""
    if slot_path(embedder_name(name)) is not None:
        return face_embedder(name, Runtime()).spec
    return fused.spec() if name == "fused" else DLIB_SPEC


def model_id(name: str) -> str:
    """What the vectors of that embedder are called, without loading it. Raises ValueError, CardRefused."""
    path = slot_path(embedder_name(name))
    return MODEL_IDS[name] if path is None else slot.model_id(path)


def parts(model: str, dimension: int) -> tuple[int, ...]:
    """What a transform of that model's vectors turns apart, by its model_id: the parts of a vector of so many numbers.

    Of the models, those that ship alone have several; for one that is not set up any more the answer is right too.
    """
    return fused.VIEWS if model == fused.MODEL_ID and dimension == fused.DIMENSION else (dimension,)


def require_points(name: str, spec: ModelSpec, fmr: float) -> None:
    """Raises CardRefused for a net of the operator's own that no threshold was measured for, or none as low as `fmr`
    in some mode. `spec`: that of the embedder of that name."""
    if slot_path(name) is None:
        return
    if not spec.operating_points:
        raise CardRefused(
            "operating_points: none were measured for this model as it is fed; put them into the card with"
            f" `facewarden evaluate verification FOLDER --embedder {SLOT}PATH --calibrate`"
        )
    for mode in sorted({point.mode for point in spec.operating_points}):
        if min(point.fmr for point in spec.operating_points if point.mode == mode) > fmr * (1 + 1e-9):
            raise CardRefused(
                f"operating_points: with {mode.enrolled} enrolled and {mode.captures} captures none reaches a false"
                f" match rate of {fmr:g}; calibrate on more people, or raise FACEWARDEN_VERIFICATION_FMR"
            )
