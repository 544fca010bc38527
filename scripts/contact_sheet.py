#!/usr/bin/env python3
"""Draws every style on one portrait: scripts/contact_sheet.py PORTRAIT SHEET.

The sheet in docs/ shows the portrait of Eileen Collins, a photo by NASA in the public domain, as scikit-image ships it
(`skimage/data/astronaut.png` of its package).
"""

import sys
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from embeddings.attribute_models import attribute_estimator
from embeddings.detect import CenterFace, Purpose
from embeddings.image import ImageLimits, decode
from embeddings.mesh import FaceMesh
from embeddings.onnx import Runtime
from embeddings.types import Box, Pixels
from overlays.preview import star
from overlays.region import visible
from overlays.style import STYLES, Subject, style

TILE: Final = 300
COLUMNS: Final = 5
LABEL: Final = 34
AROUND: Final = 3.0  # side of a tile in longer sides of the face's box
QUALITY: Final = 88
INK, PAPER = (40, 42, 48), 250


def subject(pixels: Pixels) -> Subject:
    """The largest face, with all that a style may draw by."""
    runtime = Runtime(1)
    faces = CenterFace.load(runtime).detect(pixels, Purpose.FIND).faces
    if not faces:
        sys.exit("there is no face in that picture")
    estimator = attribute_estimator("packaged", runtime, frozenset({"emotion"}))
    emotion = estimator.estimate(pixels, faces[:1])[0].emotion if estimator is not None else None
    mesh = FaceMesh.load(runtime).find(pixels, faces[0], twice=True)
    return Subject(faces[0], mesh, emotion.value.value if emotion is not None else None, seed=8)


def tile(pixels: Pixels, box: Box, name: str) -> Pixels:
    side = AROUND * max(box.width, box.height)
    x, y = box.center
    part = visible(Box(x - side / 2, max(y - side * 0.54, 0), side, side), *pixels.shape[:2])
    if part is None:
        sys.exit("the face lies outside of the picture")
    shown = cv2.resize(pixels[part.slices], (TILE, TILE), interpolation=cv2.INTER_AREA)
    label = np.full((LABEL, TILE, 3), PAPER, np.uint8)
    cv2.putText(label, name, (8, 23), cv2.FONT_HERSHEY_SIMPLEX, 0.6, INK, 1, cv2.LINE_AA)
    whole = np.vstack([shown, label])
    return np.asarray(cv2.copyMakeBorder(whole, 6, 0, 6, 6, cv2.BORDER_CONSTANT, value=(PAPER,) * 3), np.uint8)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    pixels = decode(Path(sys.argv[1]).read_bytes(), ImageLimits()).pixels
    found = subject(pixels)
    tiles = [tile(pixels, found.face.box, "original")]
    for name in STYLES:
        look: dict[str, object] = {"picture": star(), "anchor": "forehead"} if name == "sticker" else {}
        tiles.append(tile(style(name, **look).draw(pixels, [found]), found.face.box, name))
    while len(tiles) % COLUMNS:
        tiles.append(np.full_like(tiles[0], PAPER))
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    done, content = cv2.imencode(".jpg", np.vstack(rows)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        sys.exit("the sheet cannot be encoded")
    Path(sys.argv[2]).write_bytes(content.tobytes())


if __name__ == "__main__":
    main()
