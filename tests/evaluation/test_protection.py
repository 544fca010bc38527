"""Protection costs nothing and hides one template; the attack finds what a large set of them gives away."""

import json

import numpy as np
import pytest

from embeddings.cohort import Cohort
from embeddings.comparison import ByScore
from embeddings.embed import ModelSpec
from embeddings.operating import Measure, Mode, OperatingPoint
from embeddings.protection import Transform
from evaluation.faces import Faces
from evaluation.protection import d_sys, protection, secret, tenants
from evaluation.relinking import relink
from evaluation.statistics import equal_error_rate
from evaluation.verification import as_json
from tests.evaluation.people import crowd

POINTS = (
    OperatingPoint(Mode(1, 1), 1e-4, 0.1, 0.6, 50, "nobody"),
    OperatingPoint(Mode(1, 1), 1e-4, 0.1, 0.1, 50, "nobody", Measure.SCORE),
)


def skewed(people: int, each: int = 2, dimension: int = 48) -> Faces:
    """People about whom third moments tell something, as about faces."""
    random = np.random.default_rng(5)
    centres = random.exponential(size=(people, dimension)) * np.geomspace(3, 0.3, dimension)
    vectors = np.repeat(centres, each, axis=0) + 0.2 * random.standard_normal((people * each, dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = tuple(f"person-{place:03}" for place in range(people) for _ in range(each))
    return Faces(vectors.astype(np.float32), names, names, 0, {})


def test_nothing_is_lost_and_templates_of_two_tenants_do_not_compare() -> None:
    faces = crowd(people=120, each=4, dimension=24)
    cohort = Cohort.fit(crowd(people=60, each=2, seed=9).vectors, np.arange(120) % 2)
    report = protection(faces, ModelSpec("nobody", 24, POINTS, ByScore(cohort), views=(16, 8)), Mode(1, 1))
    point, link = report.shipped[0], report.linkability
    assert report.matching == "score"
    assert point.differing <= 1
    assert 0 < report.largest_change < 1e-5
    assert 0 < point.fnmr < 1
    assert point.fnmr_protected == pytest.approx(point.fnmr, abs=2e-3)
    assert (link.mated, link.non_mated) == (120 * 4, 240 * 240 - 480)
    assert link.eer_raw < 0.1
    assert link.eer == pytest.approx(0.5, abs=0.05)
    assert link.d_sys_raw > 0.9
    assert link.d_sys < 0.3
    assert [row.people_in_both for row in report.relinked] == [100, 120]
    assert "differing" in json.dumps(as_json(report))


def test_every_picture_goes_to_one_tenant() -> None:
    names = ("a", "a", "a", "b", "c", "d", "d", "e")
    faces = Faces(np.zeros((8, 2), np.float32), names, names, 0, {})
    one, other = tenants(faces)
    assert [names[row] for row in one] == ["a", "a", "b", "d", "e"]
    assert [names[row] for row in other] == ["a", "c", "d"]
    with pytest.raises(ValueError, match="one person"):
        protection(crowd(people=5, each=1), ModelSpec("nobody", 24, POINTS), Mode(1, 1))


def test_linkability_is_between_nothing_and_everything() -> None:
    mated, other = (np.random.default_rng(seed).standard_normal(20_000).astype(np.float32) for seed in (1, 2))
    assert d_sys(mated, other) < 0.05
    assert d_sys(mated + 100, other) == pytest.approx(1)
    half = np.repeat(np.array([0.0, 1.0], np.float32), 50)  # half of the mated scores never come of strangers
    assert d_sys(half, np.zeros(1000, np.float32)) == pytest.approx(0.5)
    certain = np.repeat(np.array([0.0, 1.0], np.float32), (25, 75))  # LR of 3: D = 2 * 3 / 4 - 1
    assert d_sys(certain, 1 - certain) == pytest.approx(0.75 * 0.5)


@pytest.mark.parametrize("parts", [(48,), (32, 16)])
def test_a_set_of_the_same_people_is_linked_again_without_a_key(parts: tuple[int, ...]) -> None:
    faces = skewed(300)
    one, other = tenants(faces)
    people = np.array(faces.people)
    left = Transform.derive(secret(0), parts).apply(faces.vectors[one])
    right = Transform.derive(secret(1), parts).apply(faces.vectors[other])
    links, same = relink(left, right, parts), people[one][:, None] == people[other]
    direct, moments, matched = (
        equal_error_rate(alike[same], alike[~same]) for alike in (left @ right.T, links.moments, links.matched)
    )
    assert direct > 0.35
    assert matched < 0.05 < moments < 0.25
    lost = np.random.default_rng(1).permutation(left.ravel()).reshape(left.shape)  # a set without that shape
    nothing = relink(lost, right, parts).matched
    assert equal_error_rate(nothing[same], nothing[~same]) > 0.4
