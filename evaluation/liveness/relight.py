"""A film as if the person in it sat before a screen that shows colours: a model, for no such film is at hand.

In linear light the face is lit by the screen on top of the room, what is behind it far less; the camera then pulls its
white balance after, adds noise, and compresses.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.liveness.light import SHARES, SHOWN, Colour
from embeddings.types import Box, Pixels

LEAK: Final = 0.15
"""Linear light of the two other primaries in the page's red, green and blue: 108 of 255."""
BEHIND: Final = 0.15  # of the light on the face: what falls on what is an arm's length and more behind it
BALANCE: Final = 0.5  # of a cast of the whole picture, that the camera takes away
SLOWNESS: Final = 1.0  # seconds until it has done 63 % of that
NOISE: Final = 2.5  # standard deviation, of 255
QUALITY: Final = 85  # of JPEG
_CODES: Final = np.arange(256) / 255
_LINEAR: Final = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)
"""sRGB to linear light, IEC 61966-2-1."""
_STEPS: Final = 4096
_LIGHTS: Final = np.arange(_STEPS) / (_STEPS - 1)
_CODED: Final = (255 * np.where(_LIGHTS <= 0.0031308, 12.92 * _LIGHTS, 1.055 * _LIGHTS ** (1 / 2.4) - 0.055)).astype(
    np.float32
)
Floats = NDArray[np.float32]


@dataclass(slots=True)
class Room:
    """`strength`: the screen's light on the face over the room's, for white; `lag`: seconds from the screen to the
    picture. Colour `number` is shown from `number` * SHOWN on."""

    colours: tuple[Colour, ...]
    strength: float
    lag: float
    random: np.random.Generator
    _gains: Floats | None = None
    _at: float = 0.0

    def film(self, pixels: Pixels, box: Box, at: float) -> Pixels:
        """The frame at `at` seconds, `box`: of the face in it; uint8 [h, w, 3]."""
        light = _LINEAR[pixels]
        lit = light * (1 + self.strength * _reach(light, box)[..., None] * self._screen(at))
        balanced = lit / self._balance(light.mean(axis=(0, 1)), lit.mean(axis=(0, 1)), at)
        coded = _CODED[np.clip(balanced * (_STEPS - 1), 0, _STEPS - 1).astype(np.int32)]
        noisy = np.clip(coded + NOISE * self.random.standard_normal(coded.shape, np.float32), 0, 255).astype(np.uint8)
        _, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    def _screen(self, at: float) -> Floats:
        number = int(np.floor((at - self.lag) / SHOWN))
        if not 0 <= number < len(self.colours):
            return np.zeros(3, np.float32)
        share = np.asarray(SHARES[self.colours[number]], np.float32)
        leaking: Floats = share + LEAK * (1 - share)
        return leaking

    def _balance(self, room: Floats, lit: Floats, at: float) -> Floats:
        """What the camera divides by, which follows the cast that the screen gives the whole picture."""
        cast = lit / np.maximum(room, 1e-6)
        wanted = np.asarray((cast / cast.mean()) ** BALANCE, np.float32)
        if self._gains is None:
            self._gains = np.ones(3, np.float32)
        share = 1 - float(np.exp(-(at - self._at) / SLOWNESS))
        self._at, self._gains = at, self._gains + np.float32(share) * (wanted - self._gains)
        return self._gains


def _reach(light: Floats, box: Box) -> Floats:
    """How much of the screen's light arrives: 1 on the face, BEHIND elsewhere; float32 [h, w]."""
    reach = np.full(light.shape[:2], BEHIND, np.float32)
    x, y = box.center
    axes = (max(1, round(box.width / 2)), max(1, round(box.height * 0.6)))
    cv2.ellipse(reach, (round(x), round(y)), axes, 0, 0, 360, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(reach, (0, 0), max(1.0, box.width / 20)), np.float32)
