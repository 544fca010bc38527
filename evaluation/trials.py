"""Who is compared with whom: all genuine and all impostor comparisons of one mode."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.comparison import Comparison
from embeddings.operating import Measure, Mode
from evaluation.faces import Faces

Names = NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """`alike` float32 [probes, templates]: larger is more alike (a score, or a distance with its sign turned).

    `counted` bool, the same shape: False for a picture with itself and for the second half of symmetric pairs.
    `probes` and `templates` name the person of each row and column, `probe_files` and `template_files` the first
    picture behind it.
    """

    alike: NDArray[np.float32]
    counted: NDArray[np.bool_]
    probes: Names
    templates: Names
    probe_files: Names
    template_files: Names
    mode: Mode
    measure: Measure

    @property
    def same(self) -> NDArray[np.bool_]:
        """Whether both sides are one person, counted or not."""
        matrix: NDArray[np.bool_] = self.probes[:, None] == self.templates[None, :]
        return matrix

    @property
    def genuine(self) -> NDArray[np.float32]:
        return self.alike[self.counted & self.same]

    @property
    def impostor(self) -> NDArray[np.float32]:
        return self.alike[self.counted & ~self.same]

    def between(self, probes: NDArray[np.bool_], templates: NDArray[np.bool_]) -> "Trials":
        """Those of the chosen rows and columns alone."""
        return Trials(
            self.alike[probes][:, templates],
            self.counted[probes][:, templates],
            self.probes[probes],
            self.templates[templates],
            self.probe_files[probes],
            self.template_files[templates],
            self.mode,
            self.measure,
        )


def turned(value: float, measure: Measure) -> float:
    """A threshold as a likeness, and back: a distance changes its sign."""
    return -value if measure is Measure.DISTANCE else value


def trials(faces: Faces, mode: Mode, comparison: Comparison) -> Trials:
    """All pairs of pictures for one against one. Otherwise the first pictures of each person (by name) make a
    template, the rest log in, in groups; people with too few pictures are impostors alone."""
    people, files = np.array(faces.people), np.array(faces.files)
    if mode == Mode(1, 1):
        alike = likeness(faces.vectors, faces.vectors, comparison)
        return Trials(
            alike, np.triu(np.ones(alike.shape, bool), 1), people, people, files, files, mode, comparison.measure
        )
    return templates_and_probes(faces, mode, comparison)


def templates_and_probes(
    faces: Faces, mode: Mode, comparison: Comparison, logins_of: Faces | None = None, *, everybody: bool = False
) -> Trials:
    """One template a person, as the service has it. Raises ValueError where nobody has enough pictures.

    `logins_of`: the same pictures with other vectors, for the probes alone. `everybody`: templates also of those who
    have no picture left to log in with; with their own template theirs are not counted.
    """
    people, files = np.array(faces.people), np.array(faces.files)
    enrolled: list[NDArray[np.intp]] = []
    logins: list[NDArray[np.intp]] = []
    for rows in rows_by_person(people):
        enough = len(rows) >= mode.enrolled + mode.captures
        if enough or (everybody and len(rows) >= mode.enrolled):
            enrolled.append(rows[: mode.enrolled])
        rest = rows[mode.enrolled :] if enough else rows
        whole = len(rest) // mode.captures * mode.captures
        logins += [rest[start : start + mode.captures] for start in range(0, whole, mode.captures)]
    if not enrolled or not logins:
        raise ValueError("nobody has pictures enough for this mode")
    seen = faces if logins_of is None else logins_of
    alike = likeness(means(seen.vectors, logins), means(faces.vectors, enrolled), comparison)
    first, own = [rows[0] for rows in logins], [rows[0] for rows in enrolled]
    behind = set(np.concatenate(enrolled).tolist())
    alone = np.array([not behind.intersection(rows.tolist()) for rows in logins])
    counted = alone[:, None] | (people[first][:, None] != people[own][None, :])
    return Trials(alike, counted, people[first], people[own], files[first], files[own], mode, comparison.measure)


def rows_by_person(people: Names) -> Iterator[NDArray[np.intp]]:
    """The rows of each person, by name."""
    for name in np.unique(people):
        yield np.flatnonzero(people == name)


def means(vectors: NDArray[np.float32], groups: list[NDArray[np.intp]]) -> NDArray[np.float32]:
    """The mean of each group of rows, scaled to unit length."""
    sums = np.stack([vectors[rows].astype(np.float64).sum(axis=0) for rows in groups])
    units: NDArray[np.float32] = (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)
    return units


def likeness(
    probes: NDArray[np.float32], templates: NDArray[np.float32], comparison: Comparison
) -> NDArray[np.float32]:
    """All probes [n, dimension] against all templates [m, dimension], of unit length: float32 [n, m], larger is more
    alike."""
    own, theirs = comparison.own(probes), comparison.own(templates)
    sign = turned(1.0, comparison.measure)
    alike: NDArray[np.float32] = probes @ templates.T
    for row in range(len(probes)):
        distances = np.sqrt(np.maximum(0.0, 2 - 2 * alike[row].astype(np.float64)))
        alike[row] = sign * comparison.values(distances, float(own[row]), theirs)
    return alike
