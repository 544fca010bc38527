"""Films are cut and played as people and attackers would, and what is counted is what happened."""

import json
import os
import random
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from embeddings.liveness.judge import Limits
from embeddings.liveness.observation import Look, Observation
from embeddings.liveness.solid import Parallax
from embeddings.liveness.steps import COUNT, DEFAULT_STEPS, Step, draw
from embeddings.liveness.verdict import Outcome
from embeddings.types import Box, HeadPose
from evaluation.liveness.films import NoFilm, Watched, files, frames
from evaluation.liveness.people import people, usual
from evaluation.liveness.pieces import cut
from evaluation.liveness.players import Answering, Recording, play, steps_of
from evaluation.liveness.report import Try, rates, wilson
from service.cli.main import application
from tests.embeddings.traces import PEAKS, PITCH, RATE, YAW, reading
from tests.embeddings.vectors import random_vector
from tests.evaluation_data import folder

LIMITS = Limits(0.46)
SCENE = cv2.resize(np.random.default_rng(1).uniform(40, 200, (5, 10)), (200, 36), interpolation=cv2.INTER_CUBIC)
VECTOR = random_vector(3)


def observed(number: int, yaw: float, pitch: float, ratio: float) -> Observation:
    """A frame of a hand-held film, in which the scene goes by."""
    at = number / RATE
    turned = abs(yaw) > 13 or abs(pitch) > 12
    parallax = Parallax(ratio, 0.04, 60, YAW, PITCH, at) if turned else None
    vector = VECTOR if number % 10 == 0 and not turned else None
    pose = HeadPose(YAW + yaw, PITCH + pitch, 0.0)
    look = Look(Box(200, 100, 150, 190), pose, reading(at, yaw, pitch), 0.08, 120.0, vector, parallax)
    offset = int(60 + 50 * np.sin(number / 40))
    noise = np.random.default_rng(number).normal(0, 0.5, (36, 48))
    return Observation(at, 640, 480, look, 0, (SCENE[:, offset : offset + 48] + noise).astype(np.uint8), number)


def film(ratio: float = 1.3) -> Watched:
    """A person who does each turn once, from a rest and back."""
    path: list[tuple[float, float]] = [(0.0, 0.0)] * RATE
    for step in DEFAULT_STEPS:
        yaw, pitch = PEAKS[step]
        ease = [0.2, 0.4, 0.7, 0.9, *[1.0] * 12, 0.9, 0.6, 0.3]
        path += [(share * yaw, share * pitch) for share in ease] + [(0.0, 0.0)] * RATE
    seen = [observed(number, yaw, pitch, ratio) for number, (yaw, pitch) in enumerate(path)]
    return Watched("somebody", float(RATE), tuple(seen))


def test_a_film_is_cut_into_its_movements() -> None:
    pieces = cut(film())
    assert steps_of(pieces) == tuple(sorted(DEFAULT_STEPS))
    assert all(len(spans) == 1 for spans in pieces.moves.values())
    assert len(pieces.rests) == 5
    starts = [pieces.moves[step][0].start for step in DEFAULT_STEPS]
    assert starts == sorted(starts)
    for step in DEFAULT_STEPS:
        (span,) = pieces.moves[step]
        assert 10 < span.end - span.start < RATE
    still = Watched("still", 25.0, tuple(observed(number, 0, 0, 1.3) for number in range(60)))
    assert steps_of(cut(still)) == ()
    nobody = Watched("nobody", 25.0, tuple(replace(each, look=None) for each in still.frames))
    assert cut(nobody).rests == ()


def outcomes(made: Watched, *, smooth: bool, answering: bool = True, tries: int = 12) -> list[Outcome]:
    pieces, all_of_them = cut(made), []
    for seed in range(tries):
        source = random.Random(seed)
        player = Answering(made, pieces, source) if answering else Recording(made, source)
        all_of_them.append(play(player, draw(DEFAULT_STEPS, COUNT, source), LIMITS, smooth=smooth).outcome)
    return all_of_them


def test_people_pass_and_attacks_of_the_same_frames_do_not() -> None:
    assert set(outcomes(film(), smooth=True)) == {Outcome.PASSED}
    assert set(outcomes(film(ratio=0.6), smooth=True)) == {Outcome.FAILED}
    assert outcomes(film(), smooth=False).count(Outcome.PASSED) <= 2  # cut together, and one can see it
    assert outcomes(film(), smooth=True, answering=False, tries=40).count(Outcome.PASSED) <= 4


def test_a_film_without_the_movement_cannot_answer() -> None:
    whole = film()
    pieces = cut(whole)
    few = replace(pieces, moves={Step.LOOK_UP: pieces.moves[Step.LOOK_UP]})
    verdict = play(
        Answering(whole, few, random.Random(1)), draw(DEFAULT_STEPS, COUNT, random.Random(2)), LIMITS, smooth=True
    )
    assert verdict.outcome is Outcome.FAILED


def test_rates_count_asking_again_and_their_intervals_count_people() -> None:
    tries = [Try("one", Outcome.PASSED, ())] * 6 + [Try("two", Outcome.UNDECIDED, ("too_soft",))] * 2
    who = {"one": "one", "two": "two"}
    live, attack = rates(tries, who, live=True), rates(tries, who, live=False)
    assert (live["rate"], live["n"], live["people"], live["undecided"]) == (0.25, 8, 2, 2)
    assert (attack["rate"], attack["reasons"]) == (0.75, {"too_soft": 2})
    assert live["ci95"] == wilson(0.25, 2)
    for fewer in ({"one": "one", "two": "one"}, {"two": "two"}, {}):
        same = rates(tries, fewer, live=True)
        assert (same["people"], same["sources"], same["ci95"]) == (1, 2, wilson(0.25, 1))
    assert rates([], {}, live=True)["rate"] is None
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3
    assert wilson(81 / 263, 263) == [0.2553, 0.3662]
    assert wilson(0.0, 20) == [0.0, 0.1611]
    assert wilson(1 / 29, 29) == [0.0061, 0.1718]


def test_people_are_told_apart_by_their_vectors() -> None:
    one, two = np.eye(4)[0], np.eye(4)[1]
    between = (one + 0.6 * two) / np.linalg.norm(one + 0.6 * two)
    vectors = {"a": one, "b": two, "c": np.array(one)}
    assert people(vectors, 0.5) == {"a": "a", "b": "b", "c": "a"}
    assert set(people({**vectors, "d": between}, 1.0).values()) == {"a"}  # d is near to both
    assert usual(film()) == pytest.approx(np.asarray(VECTOR.values, np.float64), abs=1e-6)
    assert usual(Watched("nobody", 25.0, ())) is None


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.mp4"
    wrong.write_bytes(b"no film")
    (tmp_path / "picture.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    assert files([tmp_path]) == ([wrong], [tmp_path / "picture.jpg"])
    with pytest.raises(NoFilm, match=r"wrong\.mp4"):
        list(frames(wrong))
    refused = CliRunner().invoke(application, ["evaluate", "liveness", "--live", str(wrong), "--json"])
    assert refused.exit_code == 2


@pytest.mark.long
@pytest.mark.skipif("FACEWARDEN_TEST_LONG" not in os.environ, reason="takes minutes; FACEWARDEN_TEST_LONG=1 runs it")
def test_the_films_at_hand() -> None:
    webcam, photos = folder("webcam"), folder("photos")
    live = [str(webcam / name) for name in ("turning_live.mp4", "facing_live.mp4", "talking_bbaf2n.mjpeg")]
    attacks = [str(webcam / "turning_replayed_on_screen.mp4"), str(photos / "Family1-Dad1.jpg")]
    given = [part for path in live for part in ("--live", path)] + [
        part for path in attacks for part in ("--attack", path)
    ]
    made = CliRunner().invoke(application, ["evaluate", "liveness", *given, "--tries", "100", "--json"])
    assert made.exit_code == 0, made.output
    answer = json.loads(made.stdout)
    assert answer["bpcer"]["n"] == 100
    assert answer["bpcer"]["rate"] < 0.05
    for species, most in {
        "photo_still": 0,
        "photo_turned": 0,
        "photo_bent": 0.05,
        "recording": 0.02,
        "screen": 0.02,
    }.items():
        assert answer["apcer"][species]["rate"] <= most, species
    assert answer["apcer"]["on_cue"]["rate"] > 0.5  # what is not defended is said
