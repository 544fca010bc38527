"""Age, gender and emotion by deepface's nets, for who has its weights: needs the optional package deepface.

Faces are found by our own detector; crops, nets and labels are deepface's.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from embeddings.attributes import KINDS, NOTHING, Age, Attributes, emotion, gender
from embeddings.deepface_crop import SIDE, FaceCrop
from embeddings.deepface_package import AGE, EMOTION, GENDER, Net, load, model_id, unusable, weights_folder
from embeddings.types import Face, Pixels

STATED_ERROR: Final = 4.65
"""Years, the mean absolute error that deepface's README states for its age net; nothing was measured here."""
HALF_RANGE: Final = 1.2816 * math.sqrt(math.pi / 2) * STATED_ERROR
"""Years either way that hold 80 in 100 people, were the errors normal with that mean."""
_NETS: Final = {"age": AGE, "gender": GENDER, "emotion": EMOTION}
# What a net gives for one picture: a number of years; woman, man; deepface's emotions, which have the order of ours.
_SHAPES: Final = {"age": (), "gender": (2,), "emotion": (7,)}
_SUM_TOLERANCE: Final = 1e-2

Clients = dict[str, Any]


class DeepFaceAttributes:
    """deepface's estimates, told by our rules. `kinds`: of "age", "gender" and "emotion", what is looked for."""

    def __init__(self, clients: Clients, crop: FaceCrop, kinds: frozenset[str]) -> None:
        """`clients`: deepface's nets by the names of KINDS; "gender" needs "age" too: small children are not told."""
        self._clients = clients
        self._crop = crop
        self._kinds = kinds
        self._ids = {name: model_id(name) for name in clients}

    @classmethod
    def load(cls, kinds: frozenset[str] = KINDS) -> "DeepFaceAttributes":
        """Looks for the weight files of these kinds, then tries each net once. Raises DeepFaceUnusable."""
        names = sorted(kinds | ({"age"} if "gender" in kinds else set()))
        clients = dict(zip(names, load([_NETS[name] for name in names]), strict=True))
        for name, client in clients.items():
            _try(name, _NETS[name], client)
        return cls(clients, FaceCrop(), kinds)

    @property
    def kinds(self) -> frozenset[str]:
        return self._kinds

    def estimate(self, pixels: Pixels, faces: Sequence[Face]) -> list[Attributes]:
        """NOTHING for a face of which next to nothing lies in the picture."""
        return [self._look(self._crop.cut(pixels, face)) for face in faces]

    def _look(self, view: NDArray[np.float32] | None) -> Attributes:
        if view is None:
            return NOTHING
        found = {name: _predicted(client, view) for name, client in self._clients.items()}
        years = float(found["age"]) if "age" in found else None
        male = float(found["gender"][1]) if "gender" in found else None
        felt = found.get("emotion")
        return Attributes(
            age=_age(years, self._ids["age"]) if years is not None and "age" in self._kinds else None,
            gender=gender(male, years, self._ids["gender"]) if male is not None else None,
            emotion=emotion(felt / felt.sum(), self._ids["emotion"]) if felt is not None else None,
        )


def _predicted(client: Any, view: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(client.predict(view), np.float64)


def _age(years: float, model: str) -> Age:
    return Age(years, max(years - HALF_RANGE, 0.0), years + HALF_RANGE, model)


def _try(name: str, net: Net, client: Any) -> None:
    """A grey picture must give what the net is expected to give. Raises DeepFaceWeightsUnusable."""
    try:
        given = _predicted(client, np.full((1, SIDE, SIDE, 3), 0.5, np.float32))
    except Exception as error:  # onnxruntime's exceptions have no common base
        raise unusable(net, weights_folder()) from error
    shares = given.shape == () or abs(float(given.sum()) - 1.0) < _SUM_TOLERANCE
    if given.shape != _SHAPES[name] or not shares or not np.isfinite(given).all():
        raise unusable(net, weights_folder())
