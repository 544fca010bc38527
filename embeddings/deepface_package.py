"""The optional package deepface: its modules, and its nets with their weight files where deepface looks for them.

Left alone, deepface downloads a weight file that it misses. Here every file is looked for before a net is built, so
that nothing is ever fetched. Its ONNX graphs are used, whatever other engines are installed.

    DeepFaceUnusable
    ├── DeepFaceNotInstalled     deepface_not_installed
    └── DeepFaceWeightsUnusable  deepface_weights
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Final

from embeddings import onnx  # noqa: F401 - switches telemetry off before deepface imports onnxruntime

PACKAGE: Final = "deepface"


class DeepFaceUnusable(Exception):
    """deepface was asked for and cannot be used. Meets who starts the service, never a caller."""

    code: ClassVar[str]


class DeepFaceNotInstalled(DeepFaceUnusable):
    code = "deepface_not_installed"


class DeepFaceWeightsUnusable(DeepFaceUnusable):
    """Weight files are missing or of no use; the message names them and their folder."""

    code = "deepface_weights"


@dataclass(frozen=True, slots=True)
class Net:
    """One of deepface's nets: its module below `deepface.models`, the class in it, and the files it reads."""

    module: str
    client: str
    files: tuple[str, ...]


AGE: Final = Net("demography.onnx.Age", "ApparentAgeClient", ("age_model_weights.onnx",))
GENDER: Final = Net("demography.onnx.Gender", "GenderClient", ("gender_model_weights.onnx",))
EMOTION: Final = Net("demography.onnx.Emotion", "EmotionClient", ("facial_expression_model_weights.onnx",))
FASNET: Final = Net(
    "spoofing.onnx.FasNet", "Fasnet", ("2.7_80x80_MiniFASNetV2.onnx", "4_0_0_80x80_MiniFASNetV1SE.onnx")
)


def part(name: str, package: str = PACKAGE) -> Any:
    """A module of deepface, as in `part("modules.detection")`. Raises DeepFaceNotInstalled."""
    try:
        return importlib.import_module(f"{package}.{name}")
    except ImportError as error:
        raise DeepFaceNotInstalled(f"{error}; scripts/install --deepface makes an environment with it") from error


def model_id(name: str) -> str:
    """The ID of one of deepface's models, with the package's version in it."""
    return f"{PACKAGE}-{metadata.version(PACKAGE)}-{name}"


def weights_folder() -> Path:
    """Where deepface looks: `.deepface/weights` below DEEPFACE_HOME, else below the home folder.

    Raises DeepFaceNotInstalled.
    """
    return Path(part("commons.folder_utils").get_deepface_home()) / ".deepface" / "weights"


def load(nets: Sequence[Net]) -> list[Any]:
    """deepface's objects for `nets`, none of them built before all files are there. Raises DeepFaceUnusable."""
    clients = [getattr(part(f"models.{net.module}"), net.client) for net in nets]
    folder = weights_folder()
    require(folder, [file for net in nets for file in net.files])
    built = []
    for net, client in zip(nets, clients, strict=True):
        try:
            built.append(client())
        except Exception as error:  # deepface's and onnxruntime's have no common base
            raise unusable(net, folder) from error
    return built


def require(folder: Path, files: Sequence[str]) -> None:
    """Raises DeepFaceWeightsUnusable, with the names of the `files` that are not in `folder`."""
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        raise DeepFaceWeightsUnusable(f"deepface looks in {folder}, where these are missing: {', '.join(missing)}")


def unusable(net: Net, folder: Path) -> DeepFaceWeightsUnusable:
    """For files that are there and do not hold the net."""
    return DeepFaceWeightsUnusable(f"not the net that deepface expects: {', '.join(net.files)} in {folder}")
