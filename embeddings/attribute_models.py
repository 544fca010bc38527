"""Which nets look for attributes: those that ship, or deepface's where it is installed with its weights."""

from typing import Literal

from embeddings.attributes import AttributeEstimator
from embeddings.deepface_attributes import DeepFaceAttributes
from embeddings.onnx import Runtime
from embeddings.packaged_attributes import PackagedAttributes

AttributeModels = Literal["packaged", "deepface"]


def attribute_estimator(models: AttributeModels, runtime: Runtime, kinds: frozenset[str]) -> AttributeEstimator | None:
    """The estimator of these kinds; None for none. Raises BrokenModel, DeepFaceUnusable."""
    if not kinds:
        return None
    return DeepFaceAttributes.load(kinds) if models == "deepface" else PackagedAttributes.load(runtime, kinds)
