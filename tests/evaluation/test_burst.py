"""Frames made from one photo: near it, never it again, and the same each time."""

import numpy as np
import pytest

from embeddings.image import ImageLimits, PictureFormat, decode, encode
from evaluation import burst
from evaluation.faces import Faces
from tests.drawn_faces import drawn_face
from tests.evaluation.people import crowd


def test_frames_are_of_the_same_moment() -> None:
    data = encode(drawn_face(200), PictureFormat.PNG)
    frames = burst.frames(data, 4)
    assert frames[0] == data
    assert frames == burst.frames(data, 4)
    assert frames[:2] == burst.frames(data, 2)
    assert len(set(frames)) == 4
    pixels = [decode(frame, ImageLimits()).pixels.astype(int) for frame in frames]
    turned = np.rot90(pixels[0]).astype(int)
    for other in pixels[1:]:
        assert other.shape == pixels[0].shape
        assert 1 < np.abs(other - pixels[0]).mean() < np.abs(turned - pixels[0]).mean()


def test_frames_are_averaged_picture_by_picture() -> None:
    faces = crowd(people=3, each=2)
    with pytest.raises(ValueError, match="frames enough"):
        burst.averaged(faces, 1)
    frames = np.stack((faces.vectors, np.roll(faces.vectors, 1, axis=1)), axis=1)
    both = Faces(faces.vectors, faces.people, faces.files, 0, {}, frames)
    np.testing.assert_allclose(burst.averaged(both, 1).vectors, faces.vectors, atol=1e-6)
    mean = frames[2].sum(axis=0)
    np.testing.assert_allclose(burst.averaged(both, 2).vectors[2], mean / np.linalg.norm(mean), atol=1e-6)
    with pytest.raises(ValueError, match="frames enough"):
        burst.averaged(both, 3)
