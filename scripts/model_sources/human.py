"""Emotion, face mesh, iris and the embedding of faceres from the package @vladmandic/human, turned into ONNX.

Of faceres only the MobileNet up to its pooled 1,024 numbers is kept; nothing reads its age and gender.
"""

import json
from functools import partial

from model_sources import tfjs
from model_sources.source import Model, NodePackage, verified
from model_sources.stored import read
from model_sources.tfjs import Output

PACKAGE = NodePackage(
    name="@vladmandic/human",
    version="3.3.6",
    digest="425e9c51dbbca0c8934362b170cb0d54c2529c11c654b3c03092b16e9d6ad3f7",
)
DIGESTS = {
    "emotion": "927ac8224f356ab1e68c2bcfbfa07b0c8567047d1bcf817388ba6e38214c4987",
    "facemesh": "3826da640b0a3021161605369ee6af293f75d518040355b960ec71a3390c1c0b",
    "faceres": "2c7d2d62b76c97528b736527aa09d310ea71743c9e3e79fb6c62d4b2d73af79b",
    "iris": "d7f296d184274213d4642681ae186112cbbec77fd2ab066257d3c56a1940bc71",
}
OUTPUTS = {
    "emotion": (Output("Identity", "emotion", ("batch", 7)),),
    "facemesh": (Output("Identity_2", "mesh", ("batch", 1404)), Output("Identity_1", "faceflag", ("batch", 1))),
    "faceres": (Output("global_pooling/Mean", "embedding", ("batch", 1024)),),
    "iris": (Output("Identity", "eye", ("batch", 1, 1, 228)),),
}
SIDES = {"emotion": 64, "facemesh": 192, "faceres": 224, "iris": 64}


def build(name: str) -> bytes:
    document, blob = PACKAGE.members(f"package/models/{name}.json", f"package/models/{name}.bin")
    published = json.loads(document)
    weights = read(published["weightsManifest"], verified(blob, DIGESTS[name], f"{name}.bin"))
    return tfjs.convert(name, published["modelTopology"], weights, SIDES[name], OUTPUTS[name])


MODELS = tuple(Model(name, f"{name}.onnx", partial(build, name)) for name in OUTPUTS)
