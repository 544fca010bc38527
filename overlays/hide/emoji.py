"""A yellow ball that looks as the person does: glad, sad, angry, afraid, surprised, put off, or none of these."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from embeddings.types import Pixels
from overlays.emojis import NEUTRAL, draw_face
from overlays.head import Head, head_of, held, turned
from overlays.looks import EXTENT, Look
from overlays.region import COVER, Extent, largest_first, skull, united
from overlays.sketch import sketch
from overlays.subject import Subject

UP: Final = 0.14  # radians: people who look into a camera read some degrees of chin down
MOST: Final = 0.4  # radians to which the ball turns with the head: its face stays in sight


class Emoji:
    """By the measured emotion where there is one; nothing of the face itself is drawn."""

    name: ClassVar[str] = "emoji"
    title: ClassVar[str] = "Emoji"
    hides: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"mesh", "emotion"})
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"cover": EXTENT})

    def __init__(self, *, cover: Extent = "head") -> None:
        self._extent: Extent = cover

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the heads covered."""
        drawn = pixels.copy()
        for subject in largest_first(subjects):
            ball = self._ball(subject)
            room = ball.unit * 1.25
            corners = ball.origin[:2] + np.array([(-room, -room), (room, room)])
            on = sketch(drawn, ball, corners)
            if on is not None:
                draw_face(on, subject.emotion or NEUTRAL)
                on.canvas.finish(drawn)
        return drawn

    def _ball(self, subject: Subject) -> Head:
        """A head of its own: its unit is the radius, its middle that of what is covered."""
        box, lot = subject.face.box, np.random.default_rng(subject.seed)
        head = held(head_of(subject), MOST, (0.0, 0.0, 0.0), lot)
        promised = box.scaled(COVER)
        whole = promised if self._extent == "face" else united(promised, skull(head_of(subject), box))
        x, y = whole.center
        corner = max(
            np.hypot(side - x, end - y)
            for side in (promised.x, promised.right)
            for end in (promised.y, promised.bottom)
        )
        radius = max(whole.width / 2, whole.height / 2, float(corner))
        turn = turned(head.yaw, head.pitch + UP, head.roll)
        return Head(np.array([x, y, 0.0]), turn, radius, head.mesh)
