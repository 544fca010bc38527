"""The steps of a challenge: only the right movements, in their order and their time, pass."""

import json
import random
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.liveness.reading import PITCH as LEAST_PITCH
from embeddings.liveness.reading import YAW as LEAST_YAW
from embeddings.liveness.referee import LOST, WINDOW, Fault, Phase, Referee
from embeddings.liveness.steps import DEFAULT_STEPS, LONGEST_PAUSE, TURNS, Challenge, Step, draw, exchanged
from tests.embeddings.traces import Person, reading

ORDERS = st.permutations(list(Step)).map(lambda steps: tuple(steps[:3]))
TURN = st.sampled_from(sorted(TURNS))


def challenge(*steps: Step, pause: float = 0.1) -> Challenge:
    return Challenge(steps, (pause,) * len(steps))


@given(ORDERS, st.sampled_from([8, 15, 25, 30]))
@settings(max_examples=40, deadline=None)
def test_who_does_what_is_asked_passes(steps: tuple[Step, ...], rate: int) -> None:
    referee = Referee(challenge(*steps))
    assert list(Person(referee, rate).answer()) == list(steps)
    assert (referee.phase, referee.place, referee.fault) == (Phase.PASSED, 3, None)


@given(st.permutations(sorted(TURNS)), st.integers(0, 2), TURN)
@settings(max_examples=60, deadline=None)
def test_a_wrong_movement_fails_at_any_step(order: list[Step], place: int, wrong: Step) -> None:
    steps = tuple(order[:3])
    referee = Referee(challenge(*steps))
    person = Person(referee)
    for number in range(place):
        assert person.wait() is steps[number]
        person.show(0.3)
        person.do(steps[number])
    assert person.wait() is steps[place]
    person.show(0.3)
    person.turn(wrong)
    if wrong is steps[place]:
        assert referee.phase in {Phase.RETURNING, Phase.WAITING, Phase.PASSED}
    else:
        assert referee.fault is Fault.WRONG_MOVEMENT
        person.do(steps[place])
        assert referee.phase is Phase.FAILED


def test_order_matters() -> None:
    steps = (Step.TURN_LEFT, Step.LOOK_UP, Step.TURN_RIGHT)
    for order in permutations(steps):
        referee = Referee(challenge(*steps))
        person = Person(referee)
        for step in order:
            person.wait()
            person.show(0.3)
            person.do(step)
        person.wait()
        assert (referee.phase is Phase.PASSED) == (order == steps)


# Any two of them lie nearer to one another than a movement goes, whichever is taken for the rest.
ANGLES = st.tuples(st.floats(-0.45 * LEAST_YAW, 0.45 * LEAST_YAW), st.floats(-0.45 * LEAST_PITCH, 0.45 * LEAST_PITCH))


@given(st.lists(st.tuples(st.floats(0.04, 1.5), ANGLES), max_size=25), st.randoms())
@settings(max_examples=80, deadline=None)
def test_no_trace_without_the_movements_passes(trace: list[tuple[float, tuple[float, float]]], source: object) -> None:
    assert isinstance(source, random.Random)
    referee = Referee(draw(source=source))
    person = Person(referee)
    person.show(1.0)
    for seconds, (yaw, pitch) in trace:
        person.show(seconds, yaw, pitch)
    assert referee.place == 0
    assert referee.phase is not Phase.PASSED


@given(st.lists(st.tuples(TURN, st.floats(0.0, 2.0)), max_size=6), st.randoms())
@settings(max_examples=80, deadline=None)
def test_a_film_passes_only_with_the_steps_in_their_order(film: list[tuple[Step, float]], source: object) -> None:
    assert isinstance(source, random.Random)
    referee = Referee(draw(source=source))
    person = Person(referee)
    person.show(1.2)
    done = []
    for step, rest in film:
        if not referee.finished:
            done.append(step)
        person.turn(step)
        person.show(rest)
    passed_all = referee.phase is Phase.PASSED
    assert not passed_all or tuple(done[-3:]) == referee.challenge.steps
    assert referee.place <= len(done)


def test_the_next_step_is_told_only_at_rest() -> None:
    referee = Referee(challenge(Step.TURN_LEFT, Step.LOOK_UP, pause=LONGEST_PAUSE))
    person = Person(referee)
    assert person.wait() is Step.TURN_LEFT
    person.show(0.3)
    person.show(0.5, 30.0)
    assert (referee.phase, referee.asked) == (Phase.RETURNING, None)
    person.show(2.0, 12.0)
    assert (referee.phase, referee.asked) == (Phase.RETURNING, None)
    person.show(0.4)
    assert (referee.phase, referee.asked) == (Phase.WAITING, None)
    person.show(0.5)
    assert referee.asked is None
    assert person.wait() is Step.LOOK_UP


def ready(*steps: Step) -> Person:
    person = Person(Referee(challenge(*steps)))
    person.wait()
    return person


def test_what_else_fails_has_its_reason() -> None:
    early = ready(Step.TURN_LEFT)
    early.turn(Step.TURN_LEFT)
    assert early.referee.fault is Fault.TOO_EARLY
    slow = ready(Step.TURN_LEFT)
    slow.show(WINDOW + 0.2)
    assert slow.referee.fault is Fault.TOO_SLOW
    gone = ready(Step.TURN_LEFT)
    gone.vanish(LOST + 0.2)
    assert gone.referee.fault is Fault.FACE_LOST
    away = ready(Step.TURN_LEFT)
    away.show(0.3)
    away.show(6.0, 30.0)
    assert away.referee.fault is Fault.NOT_STRAIGHT
    unasked = Person(Referee(challenge(Step.TURN_LEFT, pause=LONGEST_PAUSE)))
    while unasked.referee.phase is Phase.SETTLING:
        unasked.show(0.04)
    unasked.turn(Step.TURN_LEFT)
    assert unasked.referee.fault is Fault.UNASKED_MOVEMENT


@pytest.mark.parametrize("step", [0.0, -0.1, 1.0, float("nan")])
def test_frames_that_are_missing_or_out_of_order_fail(step: float) -> None:
    referee = Referee(challenge(Step.TURN_LEFT))
    referee.feed(5.0, reading(5.0))
    referee.feed(5.0 + step, reading(5.0))
    assert referee.fault is Fault.FRAMES_MISSING


def test_a_turned_head_never_settles() -> None:
    referee = Referee(challenge(Step.TURN_LEFT))
    person = Person(referee)
    person.show(9.0, 25.0)
    assert referee.phase is Phase.SETTLING
    person.show(2.0, 25.0)
    assert referee.fault is Fault.NOT_STRAIGHT


def test_one_blink_and_shut_eyes_from_before_are_not_two_blinks() -> None:
    once = ready(Step.BLINK_TWICE)
    once.show(0.3)
    once.show(0.12, eyes=0.1)
    once.show(3.0)
    assert (once.referee.blinks, once.referee.phase) == (1, Phase.ASKED)
    smiling = Person(Referee(challenge(Step.SMILE)))
    for _ in range(40):
        smiling.show(0.1, mouth=0.78, lift=0.07)
    assert smiling.referee.place == 0


@given(st.integers(0, 200))
@settings(max_examples=25, deadline=None)
def test_another_process_can_go_on(cut: int) -> None:
    steps = (Step.LOOK_UP, Step.BLINK_TWICE, Step.TURN_LEFT)
    one = Person(Referee(challenge(*steps)))
    for _ in range(cut):
        one.show(0.04)
        if one.referee.asked is not None:
            one.show(0.3)
            one.do(one.referee.asked)
    state = json.loads(json.dumps(one.referee.to_json()))
    other = Person(Referee.from_json(state))
    assert other.referee == one.referee
    other.at = one.at
    list(one.answer())
    list(other.answer())
    assert other.referee == one.referee
    assert one.referee.phase is Phase.PASSED


def test_another_state_is_refused() -> None:
    state = Referee(challenge(Step.TURN_LEFT)).to_json()
    for wrong in ({}, state | {"more": 1}, state | {"phase": "won"}, state | {"place": 1}):
        with pytest.raises(ValueError, match=r"state|valid"):
            Referee.from_json(wrong)


def test_a_step_can_be_exchanged_while_it_is_asked() -> None:
    person = ready(Step.TURN_LEFT, Step.LOOK_UP)
    with pytest.raises(ValueError, match="different"):
        person.referee.exchange(Step.LOOK_UP)
    person.referee.exchange(Step.TURN_RIGHT)
    assert list(person.answer()) == [Step.TURN_RIGHT, Step.LOOK_UP]
    assert person.referee.phase is Phase.PASSED
    with pytest.raises(ValueError, match="asked"):
        person.referee.exchange(Step.LOOK_DOWN)


@given(st.lists(st.sampled_from(list(Step)), min_size=1, unique=True), st.integers(1, 4), st.randoms())
@settings(deadline=None)
def test_challenges_are_drawn_of_what_is_allowed(allowed: list[Step], count: int, source: object) -> None:
    assert isinstance(source, random.Random)
    turns, needed = sum(step in TURNS for step in allowed), min(2, count)
    if len(allowed) < count or turns < needed:
        with pytest.raises(ValueError, match="needed"):
            draw(allowed, count, source)
        return
    drawn = draw(allowed, count, source)
    assert len(set(drawn.steps)) == count
    assert set(drawn.steps) <= set(allowed)
    assert sum(step in TURNS for step in drawn.steps) >= needed
    other = min(set(Step) - set(drawn.steps))
    swapped = exchanged(drawn, 0, [*allowed, other, *TURNS], source) if count < 4 else other
    assert swapped not in drawn.steps


def test_every_order_is_drawn() -> None:
    source = random.Random(1)
    drawn = {draw(source=source).steps for _ in range(400)}
    assert len(drawn) == 24
    assert all(set(steps) <= set(DEFAULT_STEPS) for steps in drawn)
