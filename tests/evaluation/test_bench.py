"""The bench at tiny sizes: every part runs, every figure is there. How fast anything is, is not tested."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from evaluation.bench import frame, live, page, search
from evaluation.bench.logins import Work
from evaluation.bench.markdown import tables
from evaluation.bench.pictures import as_webcam
from evaluation.bench.rival import Rival, RivalFailed, own_interpreter
from evaluation.bench.run import PARTS, Bench, Effort, Given
from evaluation.bench.timing import Times, balanced, interleaved, separation
from service.cli.bench import RIVAL
from service.cli.bench_service import service
from tests.portraits import portraits

TINY = Effort(
    rounds=1,
    people=3,
    login=Work(rounds=2, requests=2, lasting=4),
    search={50: 2},
    starts_with=(3,),
    starts=1,
    photos=2,
    claims=3,
    live=live.Work(turns=1, seconds=0.5, logins=2),
    views=1,
)
RATIOS = {
    "chip_1thread",
    "chip_2threads",
    "frame",
    "login_p50_vs_face_recognition_frame",
    "search_100k",
    "search_1m",
}
MAY_BE_ZERO = {
    "different",
    "refused",
    "failed",
    "greatest_difference",
    "auc",
    "p",
    "load_before",
    "load_after",
    "photos_refused",
}


@pytest.fixture(scope="module")
def webcam() -> bytes:
    return as_webcam(portraits().obama.read_bytes())


@pytest.fixture(scope="module")
def report(webcam: bytes) -> dict[str, Any]:
    said: list[str] = []
    given = Given(webcam, portrait=portraits().obama.read_bytes())
    found = Bench(service(), given, TINY, said.append)()
    assert [part.value for part in PARTS if part.value not in said] == []
    return found


def _numbers(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    if isinstance(node, dict):
        for name, each in node.items():
            yield from _numbers(each, (*path, name))
    elif isinstance(node, list):
        for each in node:
            yield from _numbers(each, path)
    elif isinstance(node, int | float):
        yield path, node


def test_every_part_gives_its_figures_and_json_can_hold_them(report: dict[str, Any]) -> None:
    assert json.loads(json.dumps(report)) == report
    assert {part.value for part in PARTS} <= report.keys()
    figures = dict(_numbers(report))
    assert len(figures) > 100
    for path, figure in figures.items():
        assert math.isfinite(figure), path
        assert figure > 0 or path[-1] in MAY_BE_ZERO, path


def test_what_was_not_measured_is_none_and_says_why(report: dict[str, Any]) -> None:
    assert report["ratios"].keys() == RATIOS
    measured = {name for name, value in report["ratios"].items() if value is not None}
    assert measured == {"chip_1thread", "chip_2threads"}  # dlib's net is here, face_recognition was not given
    missing = {"frame", "login", "search"} | (set() if page.browser() else {"page"})
    assert {each["figure"].partition(":")[0] for each in report["left_out"]} == missing


def test_the_converted_net_gives_dlibs_numbers(report: dict[str, Any]) -> None:
    assert max(each["greatest_difference"] for each in report["chips"]) < 1e-5


def test_logins_are_answered_and_nothing_is_lost(report: dict[str, Any]) -> None:
    for configuration in ("dlib_alone", "everything"):
        found = report["login"][configuration]
        assert [load["statuses"] for load in found["clients"].values()] == [{"200": 2}] * 4
        assert found["lasting"]["refused"] == 0
        stages = report["stages"][configuration]
        assert {"decode", "find", "first_net", "database", "token", "workflow"} <= stages.keys()
        assert ("second_net" in stages) == ("attributes" in stages) == (configuration == "everything")
    assert report["import"]["enrolled"] == report["import"]["photos"] == 2


def test_tables_name_every_ratio(report: dict[str, Any]) -> None:
    written = tables(report)
    assert [name for name in RATIOS if f"| `{name}` |" not in written] == []
    assert "face_recognition" in written
    assert "None" not in written


@pytest.fixture
def rival() -> Path:
    if not RIVAL.exists():
        pytest.skip("needs face_recognition in its own environment: scripts/install --bench")
    return RIVAL


def test_face_recognition_sees_the_same_person_and_takes_turns(webcam: bytes, rival: Path) -> None:
    found = frame.measure(webcam, rival, 1, 1)
    assert found["ratio"] > 0
    assert 0 < found["distance"] < 0.2  # alignments differ a little; strangers are .4 apart and more


def test_the_rivals_search_the_same_gallery(rival: Path) -> None:
    found = search.in_own_process(50, 128, rival, 1, 2)
    assert found["ratios"].keys() == {"numpy", "faiss", "compare_faces"}
    assert min(found["ratios"].values()) > 0


def test_a_search_that_cannot_be_measured_says_so(tmp_path: Path) -> None:
    with pytest.raises(RivalFailed, match="could not be measured"):
        search.in_own_process(5, 128, tmp_path / "no-python", 1, 1)


def test_a_rival_that_cannot_says_so() -> None:
    with Rival(own_interpreter()) as found, pytest.raises(RivalFailed, match="ModuleNotFoundError"):
        found.ask("frame", image="")


def test_calls_take_turns_and_warm_up_does_not_count() -> None:
    order: list[str] = []

    def call(name: str, milliseconds: float) -> float:
        order.append(name)
        return milliseconds

    found = interleaved({"a": lambda: call("a", 1), "b": lambda: call("b", 2)}, rounds=2, warm_up=1)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert (found["a"].values, found["b"].values) == ((1, 1), (2, 2))
    assert Times((1.0, 3.0, 2.0)).median == 2


@pytest.mark.parametrize("count", range(1, 9))
def test_each_call_follows_each_other_one_equally_often(count: int) -> None:
    orders = balanced(count)
    assert all(sorted(order) == list(range(count)) for order in orders)
    pairs = Counter(pair for order in orders for pair in pairwise(order))
    others = [(one, other) for one in range(count) for other in range(count) if one != other]
    assert pairs == dict.fromkeys(others, 1 if count % 2 == 0 else 2)


def test_times_that_tell_two_groups_apart_are_noticed() -> None:
    same = separation([1, 2, 3, 4] * 20, [4, 3, 2, 1] * 20)
    assert same.auc == 0.5
    assert same.p == 1
    apart = separation([1, 2, 3, 4] * 20, [2, 3, 4, 5] * 20)
    assert apart.auc > 0.6
    assert apart.p < 0.001
