"""`facewarden users import`: enrol many people from a folder of their pictures."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from db.tables import DEFAULT_TENANT
from service.bootstrap import build
from service.cli.start import settings
from service.errors import TABLE
from service.workers import usable_cores
from service.workflows.bulk_enrol import BulkEnrol, Folder, Imported, Terms, folders

ALREADY = "already_enrolled"


def import_people(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="One folder of pictures a person.")],
    *,
    consent_text: Annotated[
        Path,
        typer.Option(exists=True, dir_okay=False, help="The text that everybody there agreed to; its digest is kept."),
    ],
    label_from_folder: Annotated[
        bool, typer.Option("--label-from-folder", help="Keep the folder's name, sealed, as the person's label.")
    ] = False,
    tenant: Annotated[str, typer.Option(help="The tenant that they are enrolled at.")] = DEFAULT_TENANT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Enrol the people of a folder; run again, it goes on where it stopped. Pictures are read, never copied."""
    people = folders(folder)
    if not people:
        raise typer.BadParameter("there is no folder with pictures in it", param_hint="FOLDER")
    terms = Terms(hashlib.sha256(consent_text.read_bytes()).hexdigest(), label_from_folder)
    done = sorted(_imported(people, terms, tenant), key=lambda each: each.folder)
    report = _report(done, terms)
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        _tell(report)
    if report["failed"]:
        raise typer.Exit(1)


def _imported(people: Sequence[Folder], terms: Terms, tenant: str) -> list[Imported]:
    chosen = settings()
    application = build(chosen)
    try:
        its = application.of(tenant)
        bulk = BulkEnrol(its.pipeline, its.enrol, chosen.workers or usable_cores())
        with Progress(console=Console(stderr=True), transient=True) as progress:
            return list(progress.track(bulk(people, terms), total=len(people), description="people"))
    finally:
        application.close()


def _report(done: Sequence[Imported], terms: Terms) -> dict[str, Any]:
    refused: Counter[str] = Counter()
    for each in done:
        refused.update(each.refused)
    return {
        "people": len(done),
        "photos": sum(each.photos for each in done),
        "consent_text_sha256": terms.consent_text,
        "enrolled": [_enrolled(each) for each in done if each.user_id is not None],
        "already_enrolled": [each.folder for each in done if each.code == ALREADY],
        "failed": [
            {"folder": each.folder, "code": each.code, "photos": each.photos, "refused": dict(each.refused)}
            for each in done
            if each.code not in {None, ALREADY}
        ],
        "photos_refused": dict(refused.most_common()),
    }


def _enrolled(each: Imported) -> dict[str, Any]:
    return {
        "folder": each.folder,
        "user_id": str(each.user_id),
        "photos": each.photos,
        "used": each.used,
        "flagged": each.flagged,
        "refused": dict(each.refused),
    }


def _tell(report: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for each in report["failed"]:
        title = TABLE[each["code"]].title
        console.print(f"{each['folder']}: not enrolled: {title} ({each['photos']} photos)", markup=False)
    for name in report["already_enrolled"]:
        console.print(f"{name}: enrolled already", markup=False)
    for code, count in report["photos_refused"].items():
        console.print(f"{count} photos of no use: {TABLE[code].title}", markup=False)
    flagged = sum(each["flagged"] for each in report["enrolled"])
    parts = [f"{len(report['enrolled'])} of {report['people']} people enrolled"]
    parts += [f"{flagged} flagged: look whether they are enrolled twice"] if flagged else []
    parts += [f"{len(report['already_enrolled'])} were already"] if report["already_enrolled"] else []
    parts += [f"{len(report['failed'])} failed"] if report["failed"] else []
    console.print(", ".join(parts))
