"""Logins in turn with growth and without, and attacks, on people of drawn vectors."""

from dataclasses import replace

import numpy as np
import pytest

from embeddings.embed import DLIB_SPEC
from embeddings.growth import MOST
from embeddings.types import HeadPose, Quality
from evaluation.faces import Faces
from evaluation.growth import LATE, growth_report, log_in, members
from evaluation.walking import Against, walks
from tests.evaluation.people import crowd

EACH = 9
GOOD = Quality(60.0, 0.6, 120.0, HeadPose(0.0, -5.0, 0.0), ())
TURNED = Quality(60.0, 0.6, 120.0, HeadPose(30.0, -5.0, 0.0), ())


def faces(spread: float, people: int = 12, each: int = EACH) -> Faces:
    """`spread`: of a person's pictures about their centre."""
    return crowd(people, each, spread / np.sqrt(DLIB_SPEC.dimension) * 10, dimension=DLIB_SPEC.dimension)


def test_who_is_let_in_grows_to_ten_at_most_and_what_was_enrolled_stays() -> None:
    near = faces(0.18, each=14)
    on = log_in(near, DLIB_SPEC, 2, 5, growth=True)
    assert on.accepted.all()
    assert 0 < on.added <= len(on.people) * 12
    assert max(len(each.held) for each in on.people) == MOST
    for each in on.people:
        assert each.held[:2] == each.vectors
        assert each.template.captures == each.enrolled.captures + len(each.grown)
    assert not log_in(near, DLIB_SPEC, 2, 5, growth=False).added


def test_pictures_that_are_not_good_add_nothing() -> None:
    near = replace(faces(0.18), qualities=(GOOD, TURNED) * (12 * EACH // 2))
    on = log_in(near, DLIB_SPEC, 1, 5, growth=True)
    assert 0 < on.added < len(on.people) * (EACH - 1)


def test_growth_lowers_what_noise_refuses_and_the_report_says_by_how_much() -> None:
    near, far = faces(0.18, people=30), faces(0.3, people=30)
    mixed = np.where(np.arange(len(near.people))[:, None] % 2, far.vectors, near.vectors)
    told = growth_report(replace(near, vectors=mixed), DLIB_SPEC, 1, 5)
    off, on = ([row for row in told["owners"] if row.growth is growth] for growth in (False, True))
    late = {(row.fmr, row.from_login): row.fnmr for row in on}
    assert [row.from_login for row in off] == [1, LATE] * 2
    for gain in told["gains"]:
        (before,) = [row.fnmr for row in off if (row.fmr, row.from_login) == (gain.fmr, gain.from_login)]
        assert before - late[gain.fmr, gain.from_login] == pytest.approx(gain.fnmr_less)
    assert max(gain.fnmr_less for gain in told["gains"]) > 0
    assert {row.events for row in told["strangers"]} == {0}


def test_strangers_get_nothing_in_blends_do_and_the_owner_still_enters() -> None:
    photos, blends = walks(faces(0.18, people=4), DLIB_SPEC, 3, 5, Against(adversaries=2, tries=8))
    assert (photos.kind, photos.absorbed, photos.let_in) == ("photos", 0, 0.0)
    assert photos.owner_fnmr == (0.0, 0.0)
    assert blends.absorbed == 4
    assert blends.let_in == 0.0  # nobody drawn at random is near what was enrolled
    assert blends.pictures == 4 * 2 * EACH


def test_nobody_with_pictures_enough_is_said() -> None:
    with pytest.raises(ValueError, match="enough"):
        members(faces(0.18), DLIB_SPEC, 3, EACH + 1)
    with pytest.raises(ValueError, match="left"):
        members(faces(0.18), DLIB_SPEC, 5, 5)
