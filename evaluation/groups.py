"""Error rates inside groups of people and between them, at one threshold for all."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation import statistics
from evaluation.trials import Names, Trials, turned


@dataclass(frozen=True, slots=True)
class GroupRates:
    """Within one group: different people accepted (`fmr`), one person refused (`fnmr`); None without comparisons."""

    group: str
    people: int
    fmr: float | None
    fnmr: float | None


@dataclass(frozen=True, slots=True)
class GroupReport:
    """`worst`: the two groups (which may be one) whose people are confused most often."""

    threshold: float
    groups: tuple[GroupRates, ...]
    worst: tuple[str, str] | None
    worst_fmr: float


def read(path: Path) -> dict[str, str]:
    """Person or file to group, from a CSV file with a header line. Raises ValueError for a row of one column."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row][1:]
    if any(len(row) < 2 for row in rows):
        raise ValueError("each row names a person or a file, and a group")
    return {row[0]: row[1] for row in rows}


def groups(run: Trials, names: Mapping[str, str], threshold: float) -> GroupReport:
    """Who is in no group is left out; a file's group goes before its person's."""
    rows = _labels(run.probes, run.probe_files, names)
    columns = _labels(run.templates, run.template_files, names)
    limit = turned(threshold, run.measure)
    known = sorted({*rows, *columns} - {""})
    rates, worst, worst_fmr = [], None, -1.0
    for place, group in enumerate(known):
        for other in known[place:]:
            strange = _impostor(run, rows, columns, group, other)
            fmr = statistics.accepted(strange, limit) if strange.size else None
            if fmr is not None and fmr > worst_fmr:
                worst, worst_fmr = (group, other), fmr
            if group == other:
                own = run.between(rows == group, columns == group)
                people = len({*own.probes, *own.templates})
                fnmr = 1 - statistics.accepted(own.genuine, limit) if own.genuine.size else None
                rates.append(GroupRates(group, people, fmr, fnmr))
    return GroupReport(threshold, tuple(rates), worst, max(worst_fmr, 0.0))


def _impostor(run: Trials, rows: Names, columns: Names, group: str, other: str) -> NDArray[np.float32]:
    one = run.between(rows == group, columns == other).impostor
    if group == other:
        return one
    return np.concatenate((one, run.between(rows == other, columns == group).impostor))


def _labels(people: Names, files: Names, names: Mapping[str, str]) -> Names:
    return np.array([names.get(file, names.get(person, "")) for person, file in zip(people, files, strict=True)])
