"""Vectors of nobody, at chosen distances."""

import math

import numpy as np

from embeddings.types import FaceVector

MODEL = "test-model"


def random_vector(seed: int, dimension: int = 128, model_id: str = MODEL) -> FaceVector:
    values = np.random.default_rng(seed).standard_normal(dimension)
    return FaceVector((values / np.linalg.norm(values)).astype(np.float32), model_id)


def at_distance(vector: FaceVector, distance: float, seed: int) -> FaceVector:
    """A unit vector at that distance, in a direction that the seed chooses."""
    start = vector.values.astype(np.float64)
    aside = np.random.default_rng(seed).standard_normal(start.size)
    aside -= (aside @ start) * start / (start @ start)
    aside /= np.linalg.norm(aside)
    angle = 2 * math.asin(distance / 2)
    moved = math.cos(angle) * start / np.linalg.norm(start) + math.sin(angle) * aside
    return FaceVector(moved.astype(np.float32), vector.model_id)
