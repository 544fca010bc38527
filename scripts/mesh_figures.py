#!/usr/bin/env python3
"""Prints the figures on the cards of face mesh and iris: scripts/mesh_figures.py PEOPLE FILM...

PEOPLE: one folder of pictures for each person. FILM: somebody before a camera who blinks.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from embeddings.detect import CenterFace, Detector, Purpose
from embeddings.image import ImageLimits, decode
from embeddings.iris import IrisNet
from embeddings.mesh import FaceMesh, pose
from embeddings.onnx import Runtime
from embeddings.types import Face, HeadPose, Pixels

PHOTOS = 400
DEGREES = 20.0


def main_face(detector: Detector, pixels: Pixels) -> Face | None:
    faces = detector.detect(pixels, Purpose.FIND).faces
    return faces[0] if faces else None


def turned(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -DEGREES, 1)
    return np.asarray(cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def mirrored(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, ::-1])


def poses(people: Path, runtime: Runtime) -> Iterator[tuple[HeadPose, HeadPose, HeadPose]]:
    """Of each photo as it is, turned clockwise by DEGREES, and mirrored."""
    detector, mesh = CenterFace.load(runtime), FaceMesh.load(runtime)
    views: tuple[Callable[[Pixels], Pixels], ...] = (lambda pixels: pixels, turned, mirrored)
    for path in sorted(people.glob("*/*.jpg"))[:: max(1, len(list(people.glob("*/*.jpg"))) // PHOTOS)]:
        pixels = decode(path.read_bytes(), ImageLimits()).pixels
        pictures = [view(pixels) for view in views]
        faces = [main_face(detector, picture) for picture in pictures]
        plain, leaning, mirror = (
            None if face is None else pose(mesh.find(picture, face))
            for picture, face in zip(pictures, faces, strict=True)
        )
        if plain and leaning and mirror:
            yield plain, leaning, mirror


def openings(film: Path, runtime: Runtime) -> list[float]:
    """The mean opening of the eyes in each frame with a face."""
    detector, mesh, iris = CenterFace.load(runtime), FaceMesh.load(runtime), IrisNet.load(runtime)
    capture, found = cv2.VideoCapture(str(film)), []
    while (frame := capture.read())[0]:
        pixels = np.ascontiguousarray(frame[1][:, :, ::-1])
        if (face := main_face(detector, pixels)) is not None:
            eyes = iris.find(pixels, mesh.find(pixels, face))
            found.append((eyes.left.opening + eyes.right.opening) / 2)
    capture.release()
    return found


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    runtime = Runtime(1)
    seen = list(poses(Path(sys.argv[1]), runtime))
    rolls = [leaning.roll - plain.roll for plain, leaning, _ in seen]
    drift = [abs(leaning.yaw - plain.yaw) for plain, leaning, _ in seen]
    flipped = [abs(mirror.yaw + plain.yaw) for plain, _, mirror in seen]
    print(
        f"{len(seen)} photos turned by {DEGREES:g} degrees: roll grows by {np.mean(rolls):.1f} +- {np.std(rolls):.1f}"
    )
    print(f"there yaw moves by {np.mean(drift):.1f}; mirrored, it changes its sign within {np.mean(flipped):.1f}")
    for film in map(Path, sys.argv[2:]):
        wide = openings(film, runtime)
        print(f"{film.stem}: {len(wide)} frames, least opening {min(wide) / np.median(wide):.2f} of the median")


if __name__ == "__main__":
    main()
