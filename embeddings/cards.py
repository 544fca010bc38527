"""The networks that ship, as their cards tell: what they are, what was measured, what they must not be used for."""

import re
import tomllib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Card:
    """`sha256`: of the file. `measured`, `limits`, `out_of_scope`: sentences; empty where the card has none.
    `figures`: the rows of the table that follows what was measured, its head first; empty where there is none."""

    model_id: str
    role: str
    file: str
    package: str
    version: str
    licence: str
    sha256: str
    measured: str
    figures: tuple[tuple[str, ...], ...]
    limits: str
    out_of_scope: str


def cards() -> tuple[Card, ...]:
    """Of every network in embeddings/models, as its manifest lists them."""
    folder = resources.files("embeddings") / "models"
    told = (folder / "README.md").read_text(encoding="utf-8")
    entries = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))["model"]
    return tuple(_card(entry, told) for entry in entries)


def _card(entry: dict[str, str], told: str) -> Card:
    section = told.partition(f"\n## {entry['file']}\n")[2].partition("\n## ")[0]
    return Card(
        model_id=entry["id"],
        role=entry["role"],
        file=entry["file"],
        package=entry["package"],
        version=entry["version"],
        licence=entry["licence"],
        sha256=entry["sha256"],
        measured=_paragraph(section, "Measured"),
        figures=_table(section.partition("**Measured")[2].partition("**")[2].partition("**")[0]),
        limits=_paragraph(section, "Limits"),
        out_of_scope=_paragraph(section, "Out of scope"),
    )


def _paragraph(section: str, begins: str) -> str:
    """What stands behind a bold word at the beginning of a paragraph, on one line and unmarked."""
    found = re.search(rf"^\*\*{begins}[.:,]?\*\*[.:,]?(.*?)(?=\n\n|\Z)", section, re.MULTILINE | re.DOTALL)
    text = " ".join(found[1].split()).replace("`", "").replace("*", "") if found else ""
    return text[:1].upper() + text[1:]


def _table(text: str) -> tuple[tuple[str, ...], ...]:
    lines = [line.strip("| ") for line in text.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    return tuple(tuple(cell.strip(" *") for cell in line.split("|")) for line in lines)
