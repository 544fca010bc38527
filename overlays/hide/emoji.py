"""A yellow ball that looks as the person does: glad, sad, angry, afraid, surprised, put off, or none of these."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from embeddings.types import Pixels
from overlays.emojis import NEUTRAL, draw_face
from overlays.head import Head, head_of, turned
from overlays.looks import EXTENT, Look
from overlays.region import COVER, Extent, largest_first, skull, united
from overlays.sketch import sketch
from overlays.subject import Subject

MOST: Final = 0.55  # radians to which the ball turns with the head: its face stays in sight


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
        head, box = head_of(subject), subject.face.box
        whole = box.scaled(COVER) if self._extent == "face" else united(box.scaled(COVER), skull(head, box))
        yaw, pitch = (min(max(angle, -MOST), MOST) for angle in (head.yaw, head.pitch))
        turn = turned(yaw, pitch, head.roll)
        return Head(np.array([*whole.center, 0.0]), turn, max(whole.width, whole.height) / 2, head.mesh)
