"""Where dlib's published weights lie, and that they are the ones that were measured.

They come with the package face-recognition-models. It is found, never imported: importing it needs pkg_resources,
which Python no longer brings along.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGE: Final = "face_recognition_models"


class WeightsUnusable(Exception):
    """The weights are missing, or are not the published ones. Meets who installs the service, never a caller."""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A published file, told by its digest (SHA-256, hexadecimal)."""

    name: str
    sha256: str


RESNET: Final = WeightFile(
    "dlib_face_recognition_resnet_model_v1.dat", "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
)
FIVE_POINTS: Final = WeightFile(
    "shape_predictor_5_face_landmarks.dat", "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
)


def locate(file: WeightFile, package: str = PACKAGE) -> Path:
    """The path of a weight file, its digest checked. Raises WeightsUnusable."""
    return _checked(file, package)[0]


def read(file: WeightFile, package: str = PACKAGE) -> bytes:
    """The content of a weight file, its digest checked. Raises WeightsUnusable."""
    return _checked(file, package)[1]


def _checked(file: WeightFile, package: str) -> tuple[Path, bytes]:
    distribution = package.replace("_", "-")
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    if not folders:
        raise WeightsUnusable(f"{file.name} comes with the package {distribution}, which is not installed")
    path = Path(folders[0]) / "models" / file.name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsUnusable(f"{file.name} cannot be read from the package {distribution}; install it anew") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise WeightsUnusable(f"{file.name} of the package {distribution} is not the published file; install it anew")
    return path, content
