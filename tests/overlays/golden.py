"""Every style on a drawn face from the front and on one that is turned: run it to draw the pictures anew."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from embeddings.types import Box, Face, Mesh, Pixels
from overlays.head import EYES, FIVE, mean_face, seen, turned
from overlays.preview import star
from overlays.style import STYLES, style
from overlays.subject import Subject
from tests.drawn_faces import drawn_face

FOLDER: Final = Path(__file__).parent / "golden"
SIDE: Final = 120
FROM_THE_FRONT: Final = Face(
    Box(25, 26, 70, 84), 0.9, np.array([(45, 55), (75, 55), (60, 78), (48, 92), (72, 92)], np.float32)
)


def aside() -> Subject:
    """A head in the right half that looks to the left, up, and leans."""
    mesh = seen(mean_face(), np.array([176.0, 56.0, 0.0]), turned(-0.6, 0.15, -0.2), 27.0)
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    box = Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    points = np.vstack([*(mesh[list(corners), :2].mean(axis=0) for corners in EYES), mesh[list(FIVE), :2]])
    return Subject(Face(box, 0.9, points.astype(np.float32)), Mesh(mesh.astype(np.float32), 0.99), "surprised", 5)


def drawn(name: str) -> Pixels:
    picture = np.hstack([drawn_face(SIDE), drawn_face(SIDE)])
    look: dict[str, object] = {"picture": star(), "anchor": "nose"} if name == "sticker" else {}
    return style(name, **look).draw(picture, [Subject(FROM_THE_FRONT, seed=1, emotion="happy"), aside()])


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in STYLES:
        cv2.imwrite(str(FOLDER / f"{name}.png"), drawn(name)[:, :, ::-1])


if __name__ == "__main__":
    main()
