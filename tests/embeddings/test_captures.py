"""Frames become captures, captures become one template."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.captures import SAME_CAPTURE_DISTANCE as NEAR
from embeddings.captures import Template, average, averages, group, template
from tests.embeddings.vectors import at_distance, random_vector

PERSON = random_vector(1)


def test_a_burst_is_one_capture() -> None:
    frames = [at_distance(PERSON, 0.08, seed) for seed in range(5)]
    made = template(frames, None, NEAR)
    assert made.captures == 1
    assert made.vector.distance(PERSON) < 0.08  # the mean is nearer than the frames


def test_photos_of_different_days_are_captures() -> None:
    assert template([at_distance(PERSON, 0.25, seed) for seed in range(3)], None, NEAR).captures == 3


def test_frames_taken_within_seconds_are_one_capture_however_they_differ() -> None:
    frames = [at_distance(PERSON, 0.25, seed) for seed in range(3)]
    assert group(frames, [100.0, 109.0, 300.0], NEAR) == (0, 0, 1)
    assert group(frames, [100.0, None, 110.0], NEAR) == (0, 1, 0)
    assert group(frames, [110.1, None, 100.0], NEAR) == (0, 1, 2)


def test_links_carry_on_from_frame_to_frame() -> None:
    frames = [PERSON, at_distance(PERSON, 0.15, 3)]
    step = frames[1].values - frames[0].values
    further = frames[1].values + 0.95 * step
    frames.append(type(PERSON)((further / np.linalg.norm(further)).astype(np.float32), PERSON.model_id))
    assert frames[0].distance(frames[2]) > NEAR
    assert group([frames[0], frames[2], frames[1]], None, NEAR) == (0, 0, 0)


def test_each_capture_weighs_the_same() -> None:
    one, other = random_vector(2), random_vector(3)
    burst = [at_distance(one, 0.01, seed) for seed in range(9)]
    made = template([*burst, other], None, NEAR)
    assert made.captures == 2
    assert made.vector.distance(one) == pytest.approx(made.vector.distance(other), abs=0.02)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.floats(0.01, 0.5), st.none() | st.floats(0, 60)), min_size=1, max_size=8)
)
def test_a_template_is_of_unit_length_and_does_not_depend_on_the_order(
    frames: list[tuple[int, float, float | None]],
) -> None:
    vectors = [at_distance(PERSON, distance, seed) for seed, distance, _ in frames]
    times = [time for _, _, time in frames]
    forward, backward = template(vectors, times, NEAR), template(vectors[::-1], times[::-1], NEAR)
    assert abs(float(np.linalg.norm(forward.vector.values)) - 1) < 1e-6
    assert 1 <= forward.captures <= len(frames)
    assert forward.captures == backward.captures
    assert forward.vector.distance(backward.vector) < 1e-5


def test_a_template_can_do_without_its_last_capture() -> None:
    photos = [at_distance(PERSON, 0.25, seed) for seed in (1, 2, 3, 4)]
    both = average(photos, [0, 1, 2, 1]).without_last()
    assert both is not None
    assert both.captures == 2
    assert both.vector.distance(average([photos[0], photos[1], photos[3]], [0, 1, 1]).vector) < 1e-6
    first = both.without_last()
    assert first is not None
    assert first.vector.distance(photos[0]) < 1e-6
    assert first.without_last() is None
    assert Template(PERSON, 3).without_last() is None


def test_a_single_vector_is_its_own_template() -> None:
    assert template([PERSON], None, NEAR).vector.distance(PERSON) < 1e-6


def test_what_cannot_be_a_template_is_refused() -> None:
    opposite = type(PERSON)(-PERSON.values, PERSON.model_id)
    stranger = random_vector(4, model_id="another-model")
    for vectors in ([], [PERSON, opposite], [PERSON, stranger]):
        with pytest.raises(ValueError, match=r"needs vectors|cancel out|cannot be compared"):
            template(vectors, None, NEAR)
    with pytest.raises(ValueError, match="one time or None"):
        template([PERSON], [], NEAR)
    with pytest.raises(ValueError, match="capture number for each"):
        average([PERSON], [])
    with pytest.raises(ValueError, match="two models"):
        average([PERSON, stranger], [0, 1])
    with pytest.raises(ValueError, match="at least one"):
        Template(PERSON, 0)


def test_a_template_can_be_made_again_from_the_capture_numbers() -> None:
    frames = [at_distance(PERSON, 0.25, seed) for seed in (1, 2, 3)]
    times = [0.0, 5.0, 100.0]
    again = average(frames, group(frames, times, NEAR))
    assert again.captures == 2
    assert again.vector.distance(template(frames, times, NEAR).vector) == 0.0


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=6), min_size=1, max_size=6
    ),
    st.randoms(use_true_random=False),
)
def test_many_are_averaged_as_each_is(people: list[list[tuple[int, int]]], random: Random) -> None:
    rows = [(person, capture, seed) for person, some in enumerate(people) for capture, seed in some]
    random.shuffle(rows)
    owners, captures, seeds = (np.array(column) for column in zip(*rows, strict=True))
    vectors = np.stack([at_distance(PERSON, 0.05 + 0.02 * seed, seed).values for seed in seeds])
    made, counts = averages(vectors, owners, captures)
    for person in range(len(people)):
        mine = owners == person
        one = average([type(PERSON)(row, PERSON.model_id) for row in vectors[mine]], captures[mine].tolist())
        np.testing.assert_allclose(made[person], one.vector.values, atol=1e-7)
        assert counts[person] == one.captures


def test_many_that_cancel_out_are_refused() -> None:
    both = np.stack((PERSON.values, -PERSON.values))
    with pytest.raises(ValueError, match="cancel out"):
        averages(both, np.zeros(2, np.int64), np.zeros(2, np.int64))
