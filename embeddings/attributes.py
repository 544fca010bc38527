"""Age, gender and emotion as they appear in a picture. Apparent attributes: they never decide a login."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.types import Face, Pixels

YOUNGEST_WITH_GENDER: Final = 3.0
"""Years; below, the nets are near guesswork (76 % right on UTKFace)."""
SURE_OF_GENDER: Final = 0.8
"""Least probability that is told: covers 93 % of adults, of whom 99 % are told right (UTKFace)."""
SURE_OF_EMOTION: Final = 0.4
"""Least probability of the likeliest emotion that is told."""


KINDS: Final = frozenset({"age", "gender", "emotion"})


class Gender(StrEnum):
    """Apparent gender; the nets know no other."""

    MALE = "male"
    FEMALE = "female"
    UNKNOWN = "unknown"


class Emotion(StrEnum):
    """The seven of FER2013, in its order, and not being sure."""

    ANGRY = "angry"
    DISGUSTED = "disgusted"
    FEARFUL = "fearful"
    HAPPY = "happy"
    SAD = "sad"
    SURPRISED = "surprised"
    NEUTRAL = "neutral"
    UNKNOWN = "unknown"


EMOTIONS: Final = tuple(emotion for emotion in Emotion if emotion is not Emotion.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Age:
    """Years, and a range that holds the true age of 80 in 100 people."""

    years: float
    low: float
    high: float
    model_id: str


@dataclass(frozen=True, slots=True)
class ApparentGender:
    """`male`: probability, 0 to 1. `value` is unknown where that says little, and for small children."""

    value: Gender
    male: float
    model_id: str


@dataclass(frozen=True, slots=True)
class ApparentEmotion:
    """`probabilities`: of the seven emotions, calibrated, summing to 1. `value`: the likeliest, or unknown."""

    value: Emotion
    probabilities: Mapping[Emotion, float]
    model_id: str


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a face appears to be; None for what was not asked for."""

    age: Age | None = None
    gender: ApparentGender | None = None
    emotion: ApparentEmotion | None = None


NOTHING: Final = Attributes()


class AttributeEstimator(Protocol):
    """Looks at faces. May be shared between threads. `kinds`: those of KINDS that it looks for."""

    @property
    def kinds(self) -> frozenset[str]: ...

    def estimate(self, pixels: Pixels, faces: Sequence[Face]) -> list[Attributes]:
        """One estimate for each face of a picture, uint8 [height, width, 3]."""
        ...


def gender(male: float, years: float | None, model_id: str) -> ApparentGender:
    """The rule for what is told: see SURE_OF_GENDER and YOUNGEST_WITH_GENDER."""
    child = years is not None and years < YOUNGEST_WITH_GENDER
    if child or max(male, 1 - male) < SURE_OF_GENDER:
        return ApparentGender(Gender.UNKNOWN, male, model_id)
    return ApparentGender(Gender.MALE if male > 0.5 else Gender.FEMALE, male, model_id)


def emotion(probabilities: NDArray[np.float64], model_id: str) -> ApparentEmotion:
    """From the probabilities, float64 [7] in the order of EMOTIONS."""
    likeliest = int(probabilities.argmax())
    sure = probabilities[likeliest] >= SURE_OF_EMOTION
    told = dict(zip(EMOTIONS, probabilities.tolist(), strict=True))
    return ApparentEmotion(EMOTIONS[likeliest] if sure else Emotion.UNKNOWN, told, model_id)


def described(attributes: Attributes, kinds: Collection[str]) -> dict[str, Any]:
    """The estimates of some `kinds` as plain values for JSON; kinds that were not looked for are left out."""
    found: dict[str, Any] = {}
    if (age := attributes.age) is not None and "age" in kinds:
        found["age"] = {"years": age.years, "low": age.low, "high": age.high, "model_id": age.model_id}
    if (told := attributes.gender) is not None and "gender" in kinds:
        found["gender"] = {"value": told.value.value, "male": told.male, "model_id": told.model_id}
    if (felt := attributes.emotion) is not None and "emotion" in kinds:
        probabilities = {kind.value: share for kind, share in felt.probabilities.items()}
        found["emotion"] = {"value": felt.value.value, "probabilities": probabilities, "model_id": felt.model_id}
    return found


def combine(frames: Sequence[Attributes]) -> Attributes:
    """The average over several pictures of one person. Raises ValueError for none."""
    if not frames:
        raise ValueError("an average needs at least one estimate")
    ages = [frame.age for frame in frames if frame.age is not None]
    genders = [frame.gender for frame in frames if frame.gender is not None]
    emotions = [frame.emotion for frame in frames if frame.emotion is not None]
    age = None
    if ages:
        years, low, high = (
            float(np.mean(each)) for each in zip(*((a.years, a.low, a.high) for a in ages), strict=True)
        )
        age = Age(years, low, high, ages[0].model_id)
    told = None
    if genders:
        male = float(np.mean([each.male for each in genders]))
        told = gender(male, age.years if age else None, genders[0].model_id)
    felt = None
    if emotions:
        rows = np.array([[each.probabilities[kind] for kind in EMOTIONS] for each in emotions])
        felt = emotion(rows.mean(axis=0), emotions[0].model_id)
    return Attributes(age, told, felt)
