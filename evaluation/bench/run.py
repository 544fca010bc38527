"""The bench as a whole: parts one after the other, figures and ratios into one object that JSON can hold."""

import os
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from embeddings import fused
from embeddings.embed import DLIB_SPEC
from evaluation.bench import bulk, chips, cold, frame, live, logins, page, refusals, search, stages
from evaluation.bench.pictures import main_face
from evaluation.bench.rival import Rival, own_interpreter
from evaluation.bench.server import Server, application_key
from evaluation.bench.service import CONFIGURATIONS, DLIB_ALONE, Service
from evaluation.bench.timing import pinned, usable_cores

THREADS: Final = (1, 2)
CONSENT: Final = "Published portraits, enrolled for a measurement and erased after it."
NO_RIVAL: Final = "needs face_recognition and faiss: run scripts/install --bench"
FRAME_OF: Final = {"dlib_alone": "ours_gated", "everything": "ours_everything"}
"""The frame that each configuration of the service works on in a login."""
Say = Callable[[str], None]


class Part(StrEnum):
    """In the order in which they are measured."""

    CHIPS = "chips"
    FRAME = "frame"
    STAGES = "stages"
    LOGIN = "login"
    REFUSALS = "refusals"
    SEARCH = "search"
    START = "start"
    IMPORT = "import"
    LIVE = "live"
    PAGE = "page"


PARTS: Final = tuple(Part)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. `people`: enrolled beside whoever logs in; `search`: gallery sizes and rounds of each;
    `starts_with`: people enrolled at cold starts; `views`: of each page."""

    rounds: int
    people: int
    login: logins.Work
    search: Mapping[int, int]
    starts_with: tuple[int, ...]
    starts: int
    photos: int
    claims: int
    live: live.Work
    views: int = 15


FULL: Final = Effort(
    rounds=30,
    people=10_000,
    login=logins.Work(rounds=60, requests=400, lasting=5000),
    search={10_000: 200, 100_000: 60, 1_000_000: 15},
    starts_with=(10_000, 100_000),
    starts=5,
    photos=1000,
    claims=400,
    live=live.Work(turns=4, seconds=10, logins=60),
)
QUICK: Final = Effort(
    rounds=6,
    people=1000,
    login=logins.Work(rounds=15, requests=60, lasting=200),
    search={10_000: 20, 100_000: 8, 1_000_000: 3},
    starts_with=(1000,),
    starts=2,
    photos=20,
    claims=40,
    live=live.Work(turns=2, seconds=4, logins=15),
    views=5,
)


@dataclass(frozen=True, slots=True)
class Given:
    """`frame`: an encoded webcam picture. `photos`: a folder of people for the import; `portrait`: a published portrait
    that photos are made from where there is none. `rival`: the interpreter of the rival's environment, if there."""

    frame: bytes = field(repr=False)
    portrait: bytes | None = field(default=None, repr=False)
    photos: Path | None = None
    rival: Path | None = None


class Bench:
    """`say` is told what is being measured."""

    def __init__(self, service: Service, given: Given, effort: Effort, say: Say) -> None:
        self._service = service
        self._given = given
        self._effort = effort
        self._say = say
        self._homes: dict[tuple[str, int], tuple[Path, Sequence[UUID]]] = {}

    def __call__(self, parts: Sequence[Part] = PARTS) -> dict[str, Any]:
        """The figures of these parts. Raises ImageRefused or FaceRefused for the frame, RivalFailed, ServiceFailed."""
        does: dict[Part, Callable[[Path], Any]] = {
            Part.CHIPS: self._chips,
            Part.FRAME: self._frame,
            Part.STAGES: self._stages,
            Part.LOGIN: self._logins,
            Part.REFUSALS: self._refusals,
            Part.SEARCH: self._search,
            Part.START: self._starts,
            Part.IMPORT: self._import,
            Part.LIVE: self._live,
            Part.PAGE: self._page,
        }
        report: dict[str, Any] = {"machine": machine(), "rival": self._versions(), "load_before": load()}
        with tempfile.TemporaryDirectory(prefix="facewarden-bench-") as folder:
            for part in (each for each in PARTS if each in parts):  # stages want a home where nobody is enrolled yet
                self._say(part.value)
                report[part.value] = does[part](Path(folder))
        report |= {"load_after": load(), "ratios": ratios(report), "of_the_cores": of_the_cores(report)}
        return report | {"left_out": self._left_out(parts)}

    def _chips(self, _: Path) -> list[dict[str, Any]]:
        python = self._given.rival or own_interpreter()
        chip = main_face(self._given.frame)[2]
        return [chips.measure(chip, python, threads, self._effort.rounds) for threads in THREADS]

    def _frame(self, _: Path) -> list[dict[str, Any]]:
        given, rounds = self._given, self._effort.rounds
        return [frame.measure(given.frame, given.rival, threads, rounds) for threads in THREADS]

    def _stages(self, folder: Path) -> dict[str, Any]:
        seen = stages.vision(self._given.frame, self._effort.rounds)
        found = {}
        for name, settings in CONFIGURATIONS.items():
            home, _ = self._home(folder, name, self._effort.people)
            self._say(f"stages of a login, {name}")
            inside = self._service.stages(home, settings, self._given.frame, self._effort.rounds)
            found[name] = stages.table(settings, seen, inside)
        return found

    def _logins(self, folder: Path) -> dict[str, Any]:
        found = {}
        for name, settings in CONFIGURATIONS.items():
            home, _ = self._home(folder, name, self._effort.people)
            self._say(f"logins, {name}")
            with Server(self._service.command, home, settings) as server, self._rival() as rival:
                body = logins.enrolled(server, self._given.frame)
                found[name] = logins.measure(server, self._given.frame, body, rival, self._effort.login)
            self._say(f"logins, {name}, a process for each core")
            with Server(self._service.command, home, {**settings, "PROCESSES": str(usable_cores())}) as server:
                together = logins.of_several(server, body, self._effort.login)
            found[name]["clients"][f"{logins.CLIENTS[-1]}, {usable_cores()} processes"] = together
        return found

    def _refusals(self, folder: Path) -> dict[str, Any]:
        home, people = self._home(folder, "dlib_alone", self._effort.people)
        self._say("refused logins")
        api_key = application_key(self._service.command, home)
        with Server(self._service.command, home, DLIB_ALONE) as server:
            return refusals.measure(server, self._given.frame, people, self._effort.claims, api_key)

    def _search(self, _: Path) -> list[dict[str, Any]]:
        found = []
        for size, rounds in self._effort.search.items():
            for threads in THREADS:
                self._say(f"search among {size:,} people, {threads} thread{'s' * (threads > 1)}")
                found.append(search.in_own_process(size, DLIB_SPEC.dimension, self._given.rival, threads, rounds))
            self._say(f"search among {size:,} people, fused vectors")
            found.append(search.in_own_process(size, fused.DIMENSION, None, 1, rounds))
        return found

    def _starts(self, folder: Path) -> dict[str, Any]:
        found = {}
        for people in self._effort.starts_with:
            home, _ = self._home(folder, "dlib_alone", people)
            self._say(f"starts with {people:,} people")
            found[str(people)] = cold.measure(self._service.command, home, DLIB_ALONE, self._effort.starts)
        return found

    def _import(self, folder: Path) -> dict[str, Any] | None:
        given, count, settings = self._given, self._effort.photos, DLIB_ALONE
        if given.photos is not None:
            photos = bulk.chosen(given.photos, folder / "photos", count)
        elif given.portrait is not None:
            photos, settings = (
                bulk.made(given.portrait, folder / "photos", count),
                DLIB_ALONE | {"ALLOW_DUPLICATES": "1"},
            )
        else:
            return None
        self._say(f"import of {count:,} photos")
        (folder / "consent.txt").write_text(CONSENT, encoding="utf-8")
        return bulk.measure(self._service.command, folder / "home-import", settings, photos, folder / "consent.txt")

    def _live(self, folder: Path) -> dict[str, Any]:
        self._say(f"live, on {live.CORES} cores")
        with pinned(live.CORES):
            server = Server(self._service.command, folder / "home-live", DLIB_ALONE)
        with server:
            return live.measure(server, self._given.frame, self._effort.live)

    def _page(self, folder: Path) -> dict[str, Any] | None:
        executable = page.browser()
        if executable is None:
            return None
        with Server(self._service.command, folder / "home-page", DLIB_ALONE) as server:
            return page.measure(server, executable, self._effort.views)

    def _home(self, folder: Path, name: str, people: int) -> tuple[Path, Sequence[UUID]]:
        """Databases with so many synthetic people, for one configuration; made when they are first asked for."""
        if (name, people) not in self._homes:
            home = folder / f"home-{name}-{people}"
            self._say(f"enrolling {people:,} synthetic people, {name}")
            self._homes[name, people] = home, self._service.fill(home, CONFIGURATIONS[name], people)
        return self._homes[name, people]

    def _rival(self) -> AbstractContextManager[Rival | None]:
        return nullcontext() if self._given.rival is None else Rival(self._given.rival)

    def _versions(self) -> dict[str, str] | None:
        if self._given.rival is None:
            return None
        with Rival(self._given.rival) as rival:
            return dict(rival.ask("versions")["versions"])

    def _left_out(self, parts: Sequence[Part]) -> list[dict[str, str]]:
        missing = [(name.value, "not asked for") for name in PARTS if name not in parts]
        if self._given.rival is None:
            figures = ("frame: face_recognition", "login: face_recognition's frame", "search: faiss and compare_faces")
            missing += [(figure, NO_RIVAL) for figure in figures if figure.partition(":")[0] in parts]
        if Part.IMPORT in parts and self._given.photos is None and self._given.portrait is None:
            missing.append(("import", "needs a folder of people: --photos FOLDER"))
        if Part.PAGE in parts and page.browser() is None:
            missing.append(("page", "needs Chromium"))
        return [{"figure": name, "why": why} for name, why in missing]


def ratios(report: Mapping[str, Any]) -> dict[str, float | None]:
    """Theirs over ours, numpy over ours, one thread where nothing else is said; None for what was not measured."""
    chip = {each["threads"]: each["ratio_plain"] for each in report.get("chips", ())}
    framed = {each["threads"]: each.get("ratio") for each in report.get("frame", ())}
    searched = {
        (each["size"], each["threads"]): each["ratios"]["numpy"]
        for each in report.get("search", ())
        if each["dimension"] == DLIB_SPEC.dimension
    }
    return {
        "chip_1thread": chip.get(1),
        "chip_2threads": chip.get(2),
        "frame": framed.get(1),
        "login_p50_vs_face_recognition_frame": report.get("login", {}).get("dlib_alone", {}).get("ratio"),
        "search_100k": searched.get((100_000, 1)),
        "search_1m": searched.get((1_000_000, 1)),
    }


def of_the_cores(report: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Of each configuration, by clients: requests a second over what the cores could do if a login were its frame's
    processor time and nothing else. The clients run on the same cores."""
    found: dict[str, dict[str, float]] = {}
    for name, figure in FRAME_OF.items() if report.get("frame") and report.get("login") else ():
        most = report["machine"]["cores"] * 1000 / report["frame"][0]["cpu_ms"][figure]
        loads = report["login"][name]["clients"].items()
        found[name] = {clients: round(each["per_second"] / most, 3) for clients, each in loads}
    return found


def machine() -> dict[str, Any]:
    return {
        "cores": usable_cores(),
        "processor": _processor(),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    """Its name as the kernel tells it, where it does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def load() -> float | None:
    """The system's load of the last minute: what else the machine had to do."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
