"""Apparent age, gender and emotion against labels: what `facewarden evaluate attributes` prints."""

import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from embeddings.attributes import EMOTIONS, Attributes, Emotion
from embeddings.detect import CenterFace, Detector, Purpose
from embeddings.image import ImageLimits, decode
from embeddings.onnx import Runtime
from embeddings.packaged_attributes import PackagedAttributes
from embeddings.types import Pixels

Labels = Literal["utkface", "folders"]
ADULT: Final = 16
"""Years; what counts as an adult in UTKFace's figures."""
BANDS: Final = (0, 3, 10, 16, 20, 30, 40, 50, 60, 70, 200)
NAMES: Final = {
    "angry": Emotion.ANGRY, "anger": Emotion.ANGRY,
    "disgust": Emotion.DISGUSTED, "disgusted": Emotion.DISGUSTED,
    "fear": Emotion.FEARFUL, "fearful": Emotion.FEARFUL,
    "happy": Emotion.HAPPY, "happiness": Emotion.HAPPY,
    "sad": Emotion.SAD, "sadness": Emotion.SAD,
    "surprise": Emotion.SURPRISED, "surprised": Emotion.SURPRISED,
    "neutral": Emotion.NEUTRAL,
}  # fmt: skip
"""Folder names that are an emotion; others are passed over."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture and what is known of the face in it: years and whether male, or the emotion."""

    path: Path
    years: float | None = None
    male: bool | None = None
    emotion: Emotion | None = None


def labelled(folder: Path, labels: Labels) -> Iterator[Labelled]:
    """The pictures of a folder with their labels, by name. Files without a label are passed over.

    `utkface`: names `age_gender_...`, gender 0 male. `folders`: one folder an emotion, see NAMES.
    """
    if labels == "utkface":
        for path in sorted(folder.iterdir()):
            parts = path.name.split("_")
            if len(parts) > 2 and parts[0].isdigit() and parts[1] in {"0", "1"}:
                yield Labelled(path, years=float(parts[0]), male=parts[1] == "0")
        return
    for within in sorted(folder.iterdir()):
        if within.is_dir() and within.name.lower() in NAMES:
            for path in sorted(within.iterdir()):
                yield Labelled(path, emotion=NAMES[within.name.lower()])


def evaluate_attributes(folder: Path, labels: Labels) -> dict[str, Any]:
    """The figures, leaving out what the labels do not have. Raises ValueError where no picture has a label.

    A face that the detector misses is estimated from the whole picture and counted in `failed`.
    """
    runtime = Runtime(1)
    detector, estimator = CenterFace.load(runtime), PackagedAttributes.load(runtime)
    seen: list[tuple[Labelled, Attributes]] = []
    failed, seconds = 0, 0.0
    for item in labelled(folder, labels):
        pixels = decode(item.path.read_bytes(), ImageLimits()).pixels
        found, took = _look(detector, estimator, pixels)
        failed += found is None
        seconds += took
        seen.append((item, found if found is not None else estimator.estimate_chip(pixels)))
    if not seen:
        raise ValueError("no picture with a label was found")
    figures = {"n": len(seen), "failed": failed}
    figures |= _ages_and_genders(seen) if labels == "utkface" else _emotions(seen)
    return figures | {"ms_per_face": 1000 * seconds / max(len(seen) - failed, 1)}


def _look(detector: Detector, estimator: PackagedAttributes, pixels: Pixels) -> tuple[Attributes | None, float]:
    """The estimate for the face nearest the middle and the seconds it took after detection; None without a face."""
    height, width = pixels.shape[:2]
    faces = detector.detect(pixels, Purpose.FIND).faces
    if not faces:
        return None, 0.0
    centres = [face.box.center for face in faces]
    nearest = min(range(len(faces)), key=lambda i: np.hypot(centres[i][0] - width / 2, centres[i][1] - height / 2))
    start = time.perf_counter()
    (found,) = estimator.estimate(pixels, [faces[nearest]])
    return found, time.perf_counter() - start


def _ages_and_genders(seen: Sequence[tuple[Labelled, Attributes]]) -> dict[str, Any]:
    rows = np.array(
        [
            (
                item.years,
                found.age.years,
                found.age.low <= item.years <= found.age.high,
                (found.gender.male > 0.5) == item.male,
                item.male,
            )
            for item, found in seen
            if item.years is not None and found.age is not None and found.gender is not None
        ],
        np.float64,
    )
    years, error, within, right, male = rows[:, 0], np.abs(rows[:, 0] - rows[:, 1]), rows[:, 2], rows[:, 3], rows[:, 4]
    adult = years >= ADULT
    groups = {
        f"{low}-{high - 1}" if high < BANDS[-1] else f"{low}+": (years >= low) & (years < high)
        for low, high in itertools.pairwise(BANDS)
    }
    figures: dict[str, Any] = {
        "age_mae": float(error.mean()),
        "age_mae_adults": float(error[adult].mean()) if adult.any() else None,
        "age_mae_by": {name: float(error[these].mean()) for name, these in groups.items() if these.any()},
        "age_within_range": float(within.mean()),
        "gender_accuracy": float(right.mean()),
        "gender_accuracy_adults": float(right[adult].mean()) if adult.any() else None,
    }
    groups |= {"male": male == 1, "female": male == 0}
    figures["gender_accuracy_by"] = {name: float(right[these].mean()) for name, these in groups.items() if these.any()}
    return figures


def _emotions(seen: Sequence[tuple[Labelled, Attributes]]) -> dict[str, Any]:
    right: dict[Emotion, list[bool]] = defaultdict(list)
    for item, found in seen:
        if item.emotion is not None and found.emotion is not None:
            likeliest = max(EMOTIONS, key=found.emotion.probabilities.__getitem__)
            right[item.emotion].append(likeliest is item.emotion)
    everything = [each for some in right.values() for each in some]
    return {
        "emotion_accuracy": float(np.mean(everything)),
        "emotion_by": {kind.value: float(np.mean(right[kind])) for kind in EMOTIONS if kind in right},
    }
