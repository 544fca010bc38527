"""The attribute estimator that ships: four small nets, their crops, mirror averaging and calibration.

The constants were fitted on UTKFace and FER2013 (research sets); the models' cards say what that means.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.attributes import Age, Attributes, emotion, gender
from embeddings.crops import Crop, eye_mouth_crop, planes
from embeddings.onnx import Runtime, Session
from embeddings.side_by_side import Cores, SideBySide
from embeddings.types import Face, Pixels, Points

AGE_MODEL: Final = "face-api-age-gender-1.7.15"
EMOTION_MODEL: Final = "human-emotion-3.3.6+face-api-expression-1.7.15"
_AGE_SIDE: Final = 112
_EMOTION_SIDE: Final = 64
_AGE_FACTORS: Final = (2.375, 2.5)
_AGE_DOWN: Final = 0.52
_EMOTION_DOWN: Final = 0.5
_HUMAN_FACTORS: Final = (2.5, 2.7, 2.9)
_MIRRORED: Final = 1  # of the three, the one turned left to right: as good as all of them twice, at half the time
_FACE_API_FACTORS: Final = (2.5, 2.9)
# Sigma in px of a crop that had to be enlarged: adds half a point or more on FER2013 (48 px). Larger faces stay sharp:
# there the two nets agree more often without it (.62 against .58 on LFW).
_SOFTENED: Final = 0.6
# Heads in FER2013 are not turned upright, so only what exceeds this is turned back. Pictures turned by 30 degrees:
# .60 right levelled, .47 not.
_TILT: Final = float(np.deg2rad(10))
_LUMA: Final = np.array([0.2989, 0.5870, 0.1140], np.float32)
_LEAST: Final = 1e-4
# Log-linear fusion of the two emotion nets with FER2013's class priors, fitted on its test part.
_HUMAN_WEIGHT: Final = 0.469
_FACE_API_WEIGHT: Final = 0.185
_BIAS: Final = np.array([-0.246, -0.700, 0.193, -0.095, -0.812, 0.0, -0.571])
# face-api's order (neutral, happy, sad, angry, fearful, disgusted, surprised) into that of EMOTIONS.
_FACE_API_ORDER: Final = [3, 5, 4, 1, 2, 6, 0]
# The 10th and 90th percentile of true minus estimated age around these estimates, on UTKFace (1,500 people). Fitted on
# one half of them they hold 80.5 % of the other.
_RANGE_AT: Final = (0.5, 3.0, 8.0, 15.0, 22.0, 28.0, 35.0, 45.0, 55.0, 65.0, 78.0)
_RANGE_LOW: Final = (-0.4, -1.3, -2.7, -4.6, -4.4, -5.9, -9.8, -11.9, -10.8, -8.4, -5.1)
_RANGE_HIGH: Final = (1.7, 2.4, 3.6, 6.3, 8.0, 8.7, 11.4, 9.7, 9.6, 11.2, 11.5)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A picture and where its face is; the whole of the picture where `points` is None."""

    pixels: Pixels
    points: Points | None

    def crop(self, factor: float, down: float, tilt: float = 0.0) -> Crop:
        if self.points is not None:
            return eye_mouth_crop(self.points, factor, down, tilt)
        height, width = self.pixels.shape[:2]
        return Crop(width / 2, height / 2, float(max(width, height)))


class PackagedAttributes:
    """Age and gender in one net, emotion in two. `kinds`: of "age", "gender" and "emotion", what is looked for."""

    def __init__(
        self, age_gender: Session, emotion: Session, expression: Session, kinds: frozenset[str], cores: Cores
    ) -> None:
        self._age_gender = age_gender
        self._emotion = emotion
        self._expression = expression
        self._kinds = kinds
        self._cores = cores

    @classmethod
    def load(
        cls, runtime: Runtime, kinds: frozenset[str] = frozenset({"age", "gender", "emotion"})
    ) -> "PackagedAttributes":
        """Raises BrokenModel."""
        models = resources.files("embeddings") / "models"
        age_gender, felt, expression = (
            runtime.load((models / f"{name}.onnx").read_bytes()) for name in ("age_gender", "emotion", "expression")
        )
        return cls(age_gender, felt, expression, kinds, runtime.cores)

    @property
    def kinds(self) -> frozenset[str]:
        return self._kinds

    def estimate(self, pixels: Pixels, faces: Sequence[Face]) -> list[Attributes]:
        return [self._look(_View(pixels, face.points)) for face in faces]

    def estimate_chip(self, chip: Pixels) -> Attributes:
        """For an aligned chip in which no face was found: the whole of it."""
        return self._look(_View(chip, None))

    def _look(self, view: _View) -> Attributes:
        found = Attributes()
        if self._kinds & {"age", "gender"}:
            years, male = self._age_and_gender(view)
            found = Attributes(
                age=_age(years) if "age" in self._kinds else None,
                gender=gender(male, years, AGE_MODEL) if "gender" in self._kinds else None,
            )
        if "emotion" in self._kinds:
            found = Attributes(found.age, found.gender, emotion(self._felt(view), EMOTION_MODEL))
        return found

    def _age_and_gender(self, view: _View) -> tuple[float, float]:
        crops = [view.crop(factor, _AGE_DOWN).cut(view.pixels, _AGE_SIDE) for factor in _AGE_FACTORS]
        years, male = self._age_gender.run({"rgb": _with_mirrors(planes(crops))})
        return float(years.mean()), float(male[:, 0].mean())

    def _felt(self, view: _View) -> NDArray[np.float64]:
        with SideBySide(self._cores) as steps:
            face_api = steps.begin(self._felt_by_face_api, view)
            score = _HUMAN_WEIGHT * self._felt_by_human(view) + _FACE_API_WEIGHT * face_api() + _BIAS
        grown = np.exp(score - score.max())
        probabilities: NDArray[np.float64] = grown / grown.sum()
        return probabilities

    def _felt_by_human(self, view: _View) -> NDArray[np.float64]:
        crops = [view.crop(factor, _EMOTION_DOWN, _TILT) for factor in _HUMAN_FACTORS]
        grey = np.stack([_luma(view.pixels, crop) for crop in crops])[:, None]
        grey[_MIRRORED] = grey[_MIRRORED, ..., ::-1]
        (found,) = self._emotion.run({"input_1": grey})
        return _logarithms(found.mean(axis=0, dtype=np.float64))

    def _felt_by_face_api(self, view: _View) -> NDArray[np.float64]:
        crops = [view.crop(factor, _EMOTION_DOWN, _TILT) for factor in _FACE_API_FACTORS]
        colour = planes([crop.cut(view.pixels, _AGE_SIDE) for crop in crops])
        (found,) = self._expression.run({"rgb": _with_mirrors(colour)})
        return _logarithms(found.mean(axis=0, dtype=np.float64)[_FACE_API_ORDER])


def _logarithms(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithms: NDArray[np.float64] = np.log(np.maximum(probabilities, _LEAST))
    return logarithms


def _with_mirrors(views: NDArray[np.floating]) -> Floats:
    return np.ascontiguousarray(np.concatenate([views, views[..., ::-1]]), np.float32)


def _luma(pixels: Pixels, crop: Crop) -> Floats:
    """float32 [64, 64], -1 to 1."""
    grey = crop.cut(pixels, _EMOTION_SIDE).astype(np.float32) @ _LUMA
    if crop.side < _EMOTION_SIDE:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), _SOFTENED), np.float32)
    return grey / np.float32(127.5) - np.float32(1)


def _age(years: float) -> Age:
    low = years + float(np.interp(years, _RANGE_AT, _RANGE_LOW))
    high = years + float(np.interp(years, _RANGE_AT, _RANGE_HIGH))
    return Age(max(years, 0.0), max(low, 0.0), max(high, 0.0), AGE_MODEL)
