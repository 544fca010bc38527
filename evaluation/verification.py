"""One against one: what the shipped thresholds do on a folder of people, and which thresholds would fit it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from embeddings.embed import ModelSpec
from embeddings.operating import Mode, OperatingPoint, curve, of_measure
from evaluation import statistics
from evaluation.burst import averaged
from evaluation.faces import Faces
from evaluation.trials import Trials, templates_and_probes, trials, turned

RATES: Final = (1e-2, 1e-3, 1e-4, 1e-5)


@dataclass(frozen=True, slots=True)
class Measured:
    """A threshold set on this run, the share of genuine comparisons it refuses, and the 95 % interval of that share."""

    fmr: float
    threshold: float
    fnmr: float
    fnmr_ci95: tuple[float, float]
    impostor_events: int


@dataclass(frozen=True, slots=True)
class Shipped:
    """What a shipped threshold does on this run."""

    name: str
    threshold: float
    fmr: float
    fnmr: float


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """`genuine` and `impostor` count comparisons. `accuracy_10fold` and `eer` weigh both kinds the same."""

    images: int
    people: int
    failed_to_acquire: int
    gate: dict[str, int]
    genuine: int
    impostor: int
    accuracy_10fold: float | None
    eer: float
    operating_points: tuple[Measured, ...]
    shipped: tuple[Shipped, ...]
    model_id: str
    matching: str


def verification(faces: Faces, spec: ModelSpec, mode: Mode) -> tuple[VerificationReport, Trials]:
    """The report, and the comparisons it rests on. Raises ValueError where the folder gives none of either kind."""
    return _report(faces, spec, trials(faces, mode, spec.comparison), [mode])


def burst_verification(faces: Faces, spec: ModelSpec, mode: Mode) -> tuple[VerificationReport, Trials]:
    """The same where the pictures of `mode` are frames: of one moment at enrolment, of another at login.

    `shipped` has the points of one capture against one, by which the service judges them, then those of `mode`: what
    it would cost to take frames for captures. `faces` collected with frames. Raises ValueError as `verification` does.
    """
    enrolled, login = averaged(faces, mode.enrolled), averaged(faces, mode.captures)
    run = templates_and_probes(enrolled, Mode(1, 1), spec.comparison, login)
    return _report(faces, spec, run, [Mode(1, 1), mode] if mode != Mode(1, 1) else [mode])


def _report(faces: Faces, spec: ModelSpec, run: Trials, modes: Sequence[Mode]) -> tuple[VerificationReport, Trials]:
    genuine, impostor = run.genuine, run.impostor
    if not genuine.size or not impostor.size:
        raise ValueError("no two comparable pictures of one person, or no two people")
    report = VerificationReport(
        images=len(faces.files) + faces.failed,
        people=len(set(faces.people)),
        failed_to_acquire=faces.failed,
        gate=dict(faces.gate),
        genuine=int(genuine.size),
        impostor=int(impostor.size),
        accuracy_10fold=ten_fold(run),
        eer=statistics.equal_error_rate(genuine, impostor),
        operating_points=measured(run),
        shipped=tuple(shipped(run, point) for mode in modes for point in shipped_points(spec, mode)),
        model_id=spec.model_id,
        matching=spec.comparison.measure.value,
    )
    return report, run


def shipped_points(spec: ModelSpec, mode: Mode) -> tuple[OperatingPoint, ...]:
    """The points that the service would use for that mode."""
    return curve(of_measure(spec.operating_points, spec.comparison.measure), mode)


def measured(run: Trials) -> tuple[Measured, ...]:
    """Thresholds set on this run for each of RATES that at least one impostor event carries."""
    genuine, impostor = run.genuine, run.impostor
    owners = np.broadcast_to(run.templates, run.alike.shape)[run.counted & run.same]
    found = []
    for fmr in RATES:
        if fmr * impostor.size < 1:
            break
        limit, events = statistics.threshold_at(impostor, fmr)
        refused = genuine < limit
        interval = statistics.interval(refused, owners)
        found.append(Measured(fmr, turned(limit, run.measure), float(refused.mean()), interval, events))
    return tuple(found)


def shipped(run: Trials, point: OperatingPoint) -> Shipped:
    limit = turned(point.threshold, run.measure)
    fmr, fnmr = statistics.accepted(run.impostor, limit), 1 - statistics.accepted(run.genuine, limit)
    return Shipped(f"{point.mode.enrolled}:{point.mode.captures} at FMR {point.fmr:g}", point.threshold, fmr, fnmr)


def ten_fold(run: Trials) -> float | None:
    """Accuracy over ten folds of people, drawn by a hash of the name; None where a fold lacks either kind."""
    rows = np.array([_fold(name) for name in run.probes])
    columns = np.array([_fold(name) for name in run.templates])
    same = run.same
    folds = np.where(rows[:, None] == columns[None, :], columns[None, :], -1)
    genuine, impostor = run.counted & same, run.counted & ~same
    answer = statistics.accuracy(run.alike[genuine], folds[genuine], run.alike[impostor], folds[impostor])
    return None if np.isnan(answer) else answer


def _fold(person: str) -> int:
    return hashlib.sha256(person.encode()).digest()[0] % statistics.FOLDS


def as_json(report: Any) -> Any:
    """A report as plain values: dataclasses and tuples become objects and lists."""
    if hasattr(report, "__dataclass_fields__"):
        return {name: as_json(getattr(report, name)) for name in report.__dataclass_fields__}
    if isinstance(report, dict):
        return {name: as_json(value) for name, value in report.items()}
    return [as_json(value) for value in report] if isinstance(report, tuple | list) else report
