"""Folders of nobody: vectors about a centre each, so that the error rates can be counted by hand."""

import numpy as np

from evaluation.faces import Faces


def crowd(people: int = 40, each: int = 4, spread: float = 0.6, seed: int = 1, dimension: int = 24) -> Faces:
    random = np.random.default_rng(seed)
    centres = random.standard_normal((people, dimension))
    vectors = np.repeat(centres, each, axis=0) + spread * random.standard_normal((people * each, dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = tuple(f"person-{place:03}" for place in range(people) for _ in range(each))
    files = tuple(f"{name}-{number}.png" for name, number in zip(names, list(range(each)) * people, strict=True))
    return Faces(vectors.astype(np.float32), names, files, 0, {})
