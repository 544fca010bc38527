"""The slot for a passive detector of presentation attacks: it can refuse, and never vouch.

Nothing ships for it: the nets that were measured do not tell a re-filmed face from a live one.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from embeddings.deepface_antispoof import DeepFaceAntiSpoof
from embeddings.types import Face, Pixels

DEEPFACE: Final = "deepface"
DEEPFACE_THRESHOLD: Final = 0.5
"""Where the net itself says "more likely live"; not measured here on films."""


class Pad(Protocol):
    """Looks at one face of a frame. May be shared between threads."""

    @property
    def model_id(self) -> str: ...

    @property
    def threshold(self) -> float:
        """A face passes from this median score on."""
        ...

    def score(self, pixels: Pixels, face: Face) -> float:
        """0 to 1, larger is more likely live. Raises ValueError for a face outside of the picture."""
        ...


class UnknownPad(ValueError):
    """No passive detector has that name. Meets who starts the service."""

    code: ClassVar[str] = "unknown_pad"


@dataclass(frozen=True, slots=True)
class DeepFacePad:
    """MiniFASNet by way of deepface."""

    net: DeepFaceAntiSpoof
    threshold: float = DEEPFACE_THRESHOLD
    model_id: str = "deepface-fasnet"

    def score(self, pixels: Pixels, face: Face) -> float:
        return self.net.look(pixels, face).live


def load_pad(name: str | None) -> Pad | None:
    """The detector of that name, with its weights; None for none.

    Raises UnknownPad, and DeepFaceUnusable where the package or its weights are missing: a service that was told to use
    a detector does not start without it.
    """
    if name is None:
        return None
    if name != DEEPFACE:
        raise UnknownPad(f"{name}: the passive detector that there is is {DEEPFACE}")
    return DeepFacePad(DeepFaceAntiSpoof.load())
