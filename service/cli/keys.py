"""`facewarden keys`: which key everything hangs on, and giving another, while the service runs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress

from db.rotation import Rotated
from db.storage import Storage
from service.cli import api_keys, token_keys
from service.cli.start import opened_storage
from service.errors import UnknownUser
from service.workflows.people import By

commands = typer.Typer(
    no_args_is_help=True, help="The master key and the keys of people: which they are, replacing them; API keys."
)
commands.add_typer(api_keys.commands, name="api")

commands.add_typer(token_keys.commands, name="tokens")

OPERATOR = By.OPERATOR.value

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@commands.command()
def status(*, as_json: AsJson = False) -> None:
    """Say which master key is in use, what it holds, and whether a replacement is unfinished. No key is printed."""
    with opened_storage() as storage:
        found = storage.master_rotation().status()
    facts = {
        "current": found.current,
        "provided": list(found.provided),
        "wrapped": found.wrapped,
        "people_under_way": found.people,
        "unfinished": found.unfinished,
    }
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    print(f"master key  {found.current} (its ID)")
    for name, count in sorted(found.wrapped.items(), key=lambda item: item[0] != found.current):
        print(f"holds       {count} keys" + ("" if name == found.current else f", of the one before, {name}"))
    for name in found.provided:
        if name != found.current:
            print(f"also there  {name}")
    print("unfinished: call `facewarden keys rewrap`" if found.unfinished else "nothing is left to do")


@commands.command()
def rotate(
    person: Annotated[UUID | None, typer.Option(help="A new key for this person only.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a new master key, wrap every key with it and destroy the old one; or end what was begun.

    The service may run meanwhile. Stopped at any moment, it goes on when it is called again.
    """
    with opened_storage() as storage:
        if person is None:
            with _bar() as progress:
                _tell(_noted(storage, storage.master_rotation().rotate(progress)), as_json=as_json)
            return
        done = storage.rotate_person(person)
        if done is not None:
            with storage.begin() as work:
                work.note("person_key_replaced", person, by=OPERATOR, records=done.records)
                work.commit()
    if done is None:
        raise UnknownUser
    report = {"person": str(person), "records": done.records, "pending": done.pending}
    print(json.dumps(report, indent=2) if as_json else f"{done.records} records are sealed with a new key")
    if done.pending and not as_json:
        _pending()


@commands.command()
def rewrap(*, as_json: AsJson = False) -> None:
    """End a replacement that was begun, or wrap with the current key what another one holds; make no new key."""
    with opened_storage() as storage, _bar() as progress:
        _tell(_noted(storage, storage.master_rotation().rewrap(progress)), as_json=as_json)


def _noted(storage: Storage, done: Rotated) -> Rotated:
    """Into the audit log, which goes on under a new key of its own where the master key is another."""
    if done.replaced or done.rewrapped:
        with storage.begin() as work:
            work.note("master_key_replaced", None, by=OPERATOR, current=done.current, rewrapped=done.rewrapped)
            work.commit()
    if done.replaced:
        storage.audit.renew(storage.now())
    return done


class _Bar:
    """A progress bar on standard error, where that is a terminal."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._task = shown.add_task("keys wrapped anew", total=None)

    def __call__(self, done: int, total: int) -> None:
        self._shown.update(self._task, completed=done, total=total)


@contextmanager
def _bar() -> Iterator[_Bar]:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as shown:
        yield _Bar(shown)


def _tell(done: Rotated, *, as_json: bool) -> None:
    if as_json:
        report = {
            "current": done.current,
            "replaced": done.replaced,
            "rewrapped": done.rewrapped,
            "destroyed": done.destroyed,
            "pending": done.pending,
        }
        print(json.dumps(report, indent=2))
        return
    print(f"the master key is {'now' if done.replaced else 'still'} {done.current} (its ID)")
    print(f"{done.rewrapped} keys were wrapped anew")
    if done.destroyed:
        print("no other master key is left; key archives made before open no more: make a new backup")
    else:
        print("the one before is still given: unset FACEWARDEN_MASTER_KEY_PREVIOUS and restart the service")
    if done.pending:
        _pending()


def _pending() -> None:
    print("the freed space is cleared as soon as no other program reads")
