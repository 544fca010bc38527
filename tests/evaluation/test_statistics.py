"""Error rates agree with counting by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation import statistics

likenesses = st.lists(st.integers(-20, 20), min_size=1, max_size=60).map(lambda each: np.array(each, np.float32))


@given(likenesses, st.floats(0.02, 1.0))
def test_a_threshold_accepts_at_most_its_share(impostor: np.ndarray, fmr: float) -> None:
    try:
        limit, events = statistics.threshold_at(impostor, fmr)
    except ValueError:
        assert fmr * impostor.size < 1
        return
    assert events == sum(each >= limit for each in impostor) <= fmr * impostor.size + 1e-6
    lower = impostor[impostor < limit]
    if lower.size:  # the next lower likeness would be too many
        assert (impostor >= lower.max()).sum() > fmr * impostor.size - 1e-6


@given(likenesses, likenesses)
def test_the_equal_error_rate_is_where_the_two_rates_meet(genuine: np.ndarray, impostor: np.ndarray) -> None:
    answer = statistics.equal_error_rate(genuine, impostor)
    every = [max((genuine < limit).mean(), (impostor >= limit).mean()) for limit in genuine]
    assert answer == pytest.approx(min(every))


def test_apart_and_mixed_up() -> None:
    low, high = np.arange(10, dtype=np.float32), np.arange(20, 30, dtype=np.float32)
    assert statistics.equal_error_rate(high, low) == 0
    assert statistics.equal_error_rate(low, high) == 1
    assert statistics.best_limit(high, low) == 20
    folds = np.arange(10)
    # The limit of nine folds is their lowest genuine: too high for the lowest of all, in the fold left out.
    assert statistics.accuracy(high, folds, low, folds) == pytest.approx(0.95)
    assert statistics.det_curve(high, low)[-1] == (1.0, 0.0)


def test_the_interval_draws_people_not_comparisons() -> None:
    people = np.repeat([f"{number}" for number in range(20)], 50)
    one_bad = people == "0"  # all errors are one person's: drawn by comparisons the interval would be far narrower
    low, high = statistics.interval(one_bad, people)
    assert low == 0
    assert high == pytest.approx(0.15, abs=0.06)
    scattered = np.arange(people.size) % 20 == 0
    assert statistics.interval(scattered, people)[1] < 0.07
