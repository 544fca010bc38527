"""`facewarden evaluate gallery`: does it work for the people enrolled?"""

import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from db.tables import DEFAULT_TENANT
from service.bootstrap import face_spec
from service.cli.start import settings
from service.databases import open_storage
from service.workflows.examine import Examine
from service.workflows.examined import Examined, Member, Pair, Verdict

LEAST_WIDTH = 120
"""Characters; a narrower terminal would cut the IDs."""
SAID = {
    Verdict.YES: "Yes: it works for the people enrolled, as far as their templates can tell.",
    Verdict.MOSTLY: "Mostly: it works as the published error rates say; look at the pairs below.",
    Verdict.NOT_FOR_EVERYBODY: "Not for everybody: it works worse here than the published error rates say.",
    Verdict.UNKNOWN: "Too early to tell: it takes two people, and somebody with captures of two moments.",
}


def gallery(
    *,
    rows: Annotated[int, typer.Option(min=1, help="Print at most this many people and pairs.")] = 10,
    tenant: Annotated[str, typer.Option(help="The tenant whose people are compared.")] = DEFAULT_TENANT,
    as_object: Annotated[bool, typer.Option("--json", help="Print JSON: everybody.")] = False,
) -> None:
    """Does it work for the people enrolled? Compares their templates with one another; needs no pictures."""
    started, chosen = time.monotonic(), settings()
    storage = open_storage(chosen)
    try:
        with Console(stderr=True).status("comparing everybody with everybody"):
            fmr, fpir = chosen.verification_fmr, chosen.identification_fpir
            examined = Examine(storage.of(tenant), face_spec(chosen), fmr=fmr, fpir=fpir)()
    finally:
        storage.close()
    if as_object:
        print(json.dumps({**as_dict(examined), "seconds": round(time.monotonic() - started, 1)}, indent=2))
    else:
        _print(examined, rows)


def as_dict(examined: Examined) -> dict[str, Any]:
    """The whole report. Values are scores or distances, as `matching` says."""
    own, others, alone = examined.own, examined.others, examined.alone
    return {
        "verdict": examined.verdict.value,
        "people": len(examined.members),
        "other_model": examined.other_model,
        "single_capture": sum(member.captures == 1 for member in examined.members),
        "model_id": examined.model_id,
        "matching": examined.measure.value,
        "own": {
            "captures": examined.own_captures,
            "accepted": own.accepted,
            "expected": round(own.expected, 1),
            "worse_than_expected": examined.recognised_less,
        },
        "others": {
            "comparisons": others.comparisons if others else 0,
            "accepted": others.accepted if others else 0,
            "expected": round(others.expected, 3) if others else 0.0,
            "worse_than_expected": examined.confused_more,
        },
        "verification": {"fmr": examined.fmr, "pairs": others.pairs if others else 0},
        "identification": {
            "fpir": examined.fpir,
            "answered": alone is not None,
            "pairs": alone.pairs if alone else None,
        },
        "members": [_member(member) for member in examined.members],
        "pairs": [_pair(pair) for pair in examined.pairs],
    }


def _member(member: Member) -> dict[str, Any]:
    own, near = member.own, member.nearest
    return {
        "user_id": str(member.user_id),
        "captures": member.captures,
        "own_worst": _rounded(own.worst),
        "own_mean": _rounded(own.mean),
        "own_accepted": own.accepted if own.values else None,
        "nearest": str(near.user_id) if near else None,
        "nearest_value": _rounded(near.value) if near else None,
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "users": [str(each) for each in pair.users],
        "mode": f"{pair.mode.enrolled}:{pair.mode.captures}",
        "value": _rounded(pair.value),
        "fmr": pair.fmr,
        "verification": pair.by_claim,
        "identification": pair.by_face_alone,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _print(examined: Examined, rows: int) -> None:
    console = Console(highlight=False, markup=False)
    console.print(SAID[examined.verdict], soft_wrap=True)
    for line in _sentences(examined):
        console.print(line, soft_wrap=True)
    wide = Console(width=max(console.width, LEAST_WIDTH), highlight=False, markup=False)
    if examined.pairs:
        wide.print(_pair_table(examined.pairs[:rows]))
    poorly = [member for member in examined.members if member.own.accepted < len(member.own.values)]
    poorly.sort(key=lambda member: member.own.accepted / len(member.own.values))
    if poorly:
        wide.print(_own_table(poorly[:rows]))
    if len(examined.pairs) > rows or len(poorly) > rows:
        console.print("There are more; see --rows and --json.")


def _sentences(examined: Examined) -> list[str]:
    own, single = examined.own, sum(member.captures == 1 for member in examined.members)
    lines = [f"{len(examined.members)} people compared, by {examined.measure.value}."]
    if examined.other_model:
        lines.append(f"{examined.other_model} more have templates of another model alone: enrol them anew.")
    if examined.own_captures:
        lines.append(
            f"Recognised again: {own.accepted} of {examined.own_captures} captures, against the others of the same"
            f" person ({own.expected:.0f} by the published rates)."
        )
    if single:
        lines.append(f"{single} have one capture: how well they are recognised again cannot be told. Enrol several.")
    if examined.others is not None:
        lines.append(
            f"Taken for somebody else: {examined.others.accepted} of {examined.others.comparisons:,} comparisons"
            f" ({examined.others.expected:.1f} by the published rates); {examined.others.pairs} pairs of people."
        )
        lines.append(
            "By face alone: not answered for so many people."
            if examined.alone is None
            else f"By face alone: {examined.alone.pairs} pairs of people."
        )
    return lines


def _pair_table(pairs: tuple[Pair, ...]) -> Table:
    table = Table("could be taken for", "each other", "even at FMR", "1:1", "1:N", box=None, pad_edge=False)
    for pair in pairs:
        one, other = (str(each) for each in pair.users)
        table.add_row(one, other, f"{pair.fmr:g}", *("yes" if by else "" for by in (pair.by_claim, pair.by_face_alone)))
    return table


def _own_table(members: list[Member]) -> Table:
    table = Table("recognised poorly", "own captures", "accepted", "worst", "mean", box=None, pad_edge=False)
    for member in members:
        own = member.own
        table.add_row(
            str(member.user_id), str(member.captures), str(own.accepted), f"{own.worst:.3f}", f"{own.mean:.3f}"
        )
    return table
