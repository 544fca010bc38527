#!/usr/bin/env python3
"""Print the tables of docs/accuracy.md on attributes, by group and with 95 % bootstrap intervals over pictures.

    .venv/bin/python scripts/attribute_tables.py utkface UTKFACE
    .venv/bin/python scripts/attribute_tables.py folders FER2013

Folders and labels as for `facewarden evaluate attributes`; the third part of a UTKFace name is its race.
"""

import argparse
import itertools
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.attributes import EMOTIONS, Attributes, Gender
from embeddings.detect import CenterFace, Purpose
from embeddings.image import ImageLimits, decode
from embeddings.onnx import Runtime
from embeddings.packaged_attributes import PackagedAttributes
from embeddings.types import Face
from evaluation.attributes import ADULT, BANDS, Labelled, Labels, labelled

ROUNDS = 2000
SEED = 1
LEAST_AGES = (16, 18, 21)
KEPT_OUT = ((0, 12), (13, 15), (16, 17), (18, 29), (30, 120))
RACES = ("white", "black", "Asian", "Indian", "other")
Column = NDArray[np.float64]
Seen = list[tuple[Labelled, Attributes]]


def main() -> int:
    parser = argparse.ArgumentParser(description="Print the accuracy of attributes by group.")
    parser.add_argument("labels", choices=["utkface", "folders"])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    seen = estimates(options.folder, options.labels)
    (ages_and_genders if options.labels == "utkface" else emotions)(seen)
    if options.labels == "utkface":
        minimum_ages(seen)
    return 0


def estimates(folder: Path, labels: Labels) -> Seen:
    """Of the face nearest the middle of each picture; of the whole picture where none is found."""
    detector, estimator = CenterFace.load(Runtime(1)), PackagedAttributes.load(Runtime(1))
    seen: Seen = []
    for item in labelled(folder, labels):
        pixels = decode(item.path.read_bytes(), ImageLimits()).pixels
        middle = np.array([pixels.shape[1], pixels.shape[0]]) / 2

        def away(face: Face, middle: Column = middle) -> float:
            return float(np.hypot(*(face.box.center - middle)))

        faces = sorted(detector.detect(pixels, Purpose.FIND).faces, key=away)[:1]
        found = estimator.estimate(pixels, faces) or [estimator.estimate_chip(pixels)]
        seen.append((item, found[0]))
    return seen


def ages_and_genders(seen: Seen) -> None:
    rows = [row(item, found) for item, found in seen]
    years, error, within, right, told, told_right, male, race = np.array(rows, np.float64).T
    adult = years >= ADULT
    groups = {"all": years >= 0, "adults (16 and more)": adult}
    for low, high in itertools.pairwise(BANDS):
        groups[f"{low} to {high - 1}" if high < BANDS[-1] else f"{low} and more"] = (years >= low) & (years < high)
    groups |= {"adults, women": adult & (male == 0), "adults, men": adult & (male == 1)}
    groups |= {f"adults, {name}": adult & (race == place) for place, name in enumerate(RACES)}
    print("| | pictures | error in years | within the range | gender right | told | right when told |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, these in groups.items():
        cells = [interval(column[these]) for column in (error, within, right)]
        share = f"{told[these].mean():.2f}"
        print(
            "|", " | ".join([name, f"{these.sum():,}", *cells, share, interval(told_right[these & (told == 1)])]), "|"
        )


def minimum_ages(seen: Seen) -> None:
    """Whom FACEWARDEN_MINIMUM_AGE keeps out."""
    pairs = [(item.years, found.age.years) for item, found in seen if item.years is not None and found.age]
    years, told = np.array(pairs, np.float64).T
    print("| minimum age |", " | ".join(f"{low} to {high}" for low, high in KEPT_OUT), "|")
    print("| --- |" + " --- |" * len(KEPT_OUT))
    for least in LEAST_AGES:
        groups = [told[(years >= low) & (years <= high)] < least for low, high in KEPT_OUT]
        print(f"| {least} |", " | ".join(f"{group.mean():.2f} of {len(group)}" for group in groups), "|")


def row(item: Labelled, found: Attributes) -> tuple[float, ...]:
    age, gender = found.age, found.gender
    if item.years is None or item.male is None or age is None or gender is None:
        raise ValueError("a label or an estimate is missing")
    race = item.path.name.split("_")[2]
    return (
        item.years,
        abs(item.years - age.years),
        age.low <= item.years <= age.high,
        (gender.male > 0.5) == item.male,
        gender.value is not Gender.UNKNOWN,
        gender.value is (Gender.MALE if item.male else Gender.FEMALE),
        item.male,
        float(race) if race.isdigit() else len(RACES),
    )


def emotions(seen: Seen) -> None:
    pairs = [(item.emotion, found.emotion) for item, found in seen if item.emotion and found.emotion]
    labels = np.array([EMOTIONS.index(label) for label, _ in pairs])
    likeliest = np.array([list(found.probabilities.values()) for _, found in pairs]).argmax(axis=1)
    told = np.array([found.value in EMOTIONS for _, found in pairs])
    right = (likeliest == labels).astype(np.float64)
    print("| | pictures | right | told | right when told | right where it is read |")
    print("| --- | --- | --- | --- | --- | --- |")
    everything = np.full(len(labels), fill_value=True)
    rows = [("all", everything, everything)]
    rows += [(kind.value, labels == place, likeliest == place) for place, kind in enumerate(EMOTIONS)]
    for name, these, read in rows:
        cells = [f"{told[these].mean():.2f}", interval(right[these & told]), interval(right[read])]
        print("|", " | ".join([name, f"{these.sum():,}", interval(right[these]), *cells]), "|")


def interval(values: Column) -> str:
    """The mean, and where 95 % of it fall when pictures are drawn anew; nothing for fewer than ten."""
    if len(values) < 10:
        return ""
    draws = np.random.default_rng(SEED).integers(0, len(values), (ROUNDS, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), (0.025, 0.975))
    digits = 1 if values.max() > 1 else 2
    return f"{values.mean():.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


if __name__ == "__main__":
    sys.exit(main())
