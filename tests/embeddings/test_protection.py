"""A transform keeps every comparison of one tenant and none between two; the same secret gives the same everywhere."""

import functools
import hashlib
import math
import struct
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.captures import Template
from embeddings.cohort import Cohort
from embeddings.comparison import ByDistance, ByScore
from embeddings.embed import DLIB_SPEC, ModelSpec
from embeddings.fused import COHORT, DIMENSION, VIEWS
from embeddings.index import VectorIndex
from embeddings.protection import Transform
from embeddings.types import FaceVector

SECRET, OTHER = bytes(range(32)), bytes(range(1, 33))
PARTS = st.lists(st.integers(1, 24), min_size=1, max_size=3)
GOLDEN = (-0.03485303, 0.05988998, 0.06244968, 0.03439743, 0.00700708)
KEYS = [UUID(int=place) for place in range(40)]
SECRETS = st.binary(min_size=32, max_size=32)


def unit(seed: int, count: int, dimension: int) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal((count, dimension))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values.astype(np.float32)


def distances(vectors: np.ndarray) -> np.ndarray:
    wide = vectors.astype(np.float64)
    answer: np.ndarray = np.linalg.norm(wide[:, None] - wide, axis=2)
    return answer


@functools.cache
def derived() -> Transform:
    return Transform.derive(SECRET, VIEWS)


@pytest.fixture
def fused() -> Transform:
    return derived()


@functools.cache
def cohort() -> Cohort:
    return Cohort.load(COHORT)


@given(SECRETS, PARTS, st.integers(0, 1000))
def test_lengths_and_distances_are_kept_and_it_can_be_undone(secret: bytes, parts: list[int], seed: int) -> None:
    transform, raw = Transform.derive(secret, parts), unit(seed, 6, sum(parts))
    turned = transform.apply(raw)
    assert turned.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(distances(turned), distances(raw), atol=1e-5)
    np.testing.assert_allclose(transform.undo(turned), raw, atol=1e-5)
    np.testing.assert_allclose(transform.apply(raw[0]), turned[0], atol=1e-6)
    for before, after in zip(transform.split(raw), transform.split(turned), strict=True):  # parts stay in their places
        np.testing.assert_allclose(np.linalg.norm(after, axis=1), np.linalg.norm(before, axis=1), atol=1e-5)


@given(SECRETS, SECRETS, PARTS)
def test_old_templates_are_carried_over_to_a_new_secret(old: bytes, new: bytes, parts: list[int]) -> None:
    first, second, raw = Transform.derive(old, parts), Transform.derive(new, parts), unit(1, 4, sum(parts))
    np.testing.assert_allclose(first.carry_over(second).apply(first.apply(raw)), second.apply(raw), atol=1e-5)
    with pytest.raises(ValueError, match="different parts"):
        first.carry_over(Transform.derive(new, [*parts, 1]))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_the_shipped_scores_are_those_of_raw_vectors(seed: int) -> None:
    transform, raw = derived(), unit(seed, 5, DIMENSION)
    plain = ByScore(cohort())
    turned, protected = plain.turned(transform), transform.apply(raw)
    np.testing.assert_allclose(turned.own(protected), plain.own(raw), atol=1e-6)
    for comparison, other in ((plain, turned), (ByDistance(), ByDistance().turned(transform))):
        values = comparison.values(distances(raw)[0], comparison.own(raw)[0], comparison.own(raw))
        again = other.values(distances(protected)[0], other.own(protected)[0], other.own(protected))
        np.testing.assert_allclose(again, values, atol=1e-5)
    assert turned.own(raw)[0] != pytest.approx(plain.own(raw)[0], abs=1e-5)  # a raw vector has no business here


def test_under_two_secrets_one_face_is_a_stranger(fused: Transform) -> None:
    raw = unit(3, 200, DIMENSION)
    other = Transform.derive(OTHER, VIEWS).apply(raw)
    assert np.abs(np.einsum("ij,ij->i", fused.apply(raw), other)).max() < 6 / np.sqrt(DIMENSION)
    assert np.abs(np.einsum("ij,ij->i", fused.apply(raw), raw)).max() < 6 / np.sqrt(DIMENSION)
    two = Transform.derive(SECRET, (8, 8)).apply(np.tile(unit(4, 1, 8), 2))[0]
    assert np.abs(two[:8] - two[8:]).max() > 0.1  # parts of one length turn differently


def test_the_derivation_never_changes(fused: Transform) -> None:
    small = Transform.derive(SECRET, (3,)).apply(np.eye(3))
    expected = [
        [0.59414190, -0.70411706, 0.38886320],
        [-0.65608782, -0.70390940, -0.27214032],
        [-0.46534310, 0.09343845, 0.88018465],
    ]
    np.testing.assert_allclose(small, expected, atol=1e-6)
    ramp = np.linspace(-1, 1, DIMENSION)
    turned = fused.apply(ramp / np.linalg.norm(ramp))
    np.testing.assert_allclose(turned[[0, 1, 127, 128, 1151]], GOLDEN, atol=1e-6)


def test_the_derivation_is_the_one_described() -> None:
    label = b"facewarden template transform 1" + SECRET + struct.pack("<II", 0, 3)
    words = struct.unpack("<10Q", hashlib.shake_256(label).digest(80))
    uniform = [(word >> 11) / 2**53 for word in words]
    pairs = [(math.sqrt(-2 * math.log(1 - one)), 2 * math.pi * two) for one, two in zip(*_halves(uniform), strict=True)]
    normal = [radius * math.cos(angle) for radius, angle in pairs]
    normal += [radius * math.sin(angle) for radius, angle in pairs]
    columns: list[np.ndarray] = []
    for column in np.array(normal[:9]).reshape(3, 3).T:  # Gram and Schmidt: the R of it has a positive diagonal
        rest = column - sum((one * (one @ column) for one in columns), np.zeros(3))
        columns.append(rest / np.linalg.norm(rest))
    np.testing.assert_allclose(Transform.derive(SECRET, (3,)).apply(np.eye(3)), np.stack(columns), atol=1e-6)


def _halves(numbers: list[float]) -> tuple[list[float], list[float]]:
    return numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]


def test_matrices_are_drawn_evenly() -> None:
    drawn = np.stack([Transform.derive(bytes([i]) * 32, (4,)).apply(np.eye(4)) for i in range(256)]).astype(np.float64)
    assert np.abs(drawn.mean(axis=0)).max() < 4 * 0.5 / np.sqrt(256)  # an entry has mean 0 and deviation 1/2
    np.testing.assert_allclose((drawn**2).mean(axis=0), 0.25, atol=0.06)
    assert 80 < (np.linalg.det(drawn) > 0).sum() < 176


def test_an_index_answers_as_with_raw_vectors() -> None:
    spec = ModelSpec("nobody", DIMENSION, DLIB_SPEC.operating_points, ByScore(cohort()), views=VIEWS)
    transform = spec.transform(SECRET)
    turned, raw = spec.turned(transform), unit(5, 30, DIMENSION)
    found = []
    for chosen, vectors in ((spec, raw), (turned, transform.apply(raw))):
        index = VectorIndex(chosen.model_id, chosen.dimension, chosen.comparison)
        for place, vector in enumerate(vectors[1:]):
            index.put(KEYS[place], Template(FaceVector(vector, chosen.model_id), 1))
        found.append(index.search(FaceVector(vectors[0], chosen.model_id), 5))
    assert [entry.key for entry in found[0]] == [entry.key for entry in found[1]]
    assert [entry.value for entry in found[1]] == pytest.approx([entry.value for entry in found[0]], abs=1e-5)
    assert DLIB_SPEC.transform(SECRET).parts == (128,)


def test_what_does_not_fit_is_refused(fused: Transform) -> None:
    for secret, parts in ((b"short", (4,)), (SECRET, ()), (SECRET, (0,)), (SECRET, (4, -1))):
        with pytest.raises(ValueError, match=r"transform|part"):
            Transform.derive(secret, parts)
    with pytest.raises(ValueError, match="another length"):
        fused.apply(np.zeros(128, np.float32))
    with pytest.raises(ValueError, match="turned already"):
        cohort().turned(fused).turned(fused)
    assert "array" not in repr(fused)
