"""`facewarden keys api`: the API keys of applications and operators."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from db.api_keys import ApiKey, Role
from db.tables import DEFAULT_TENANT
from service.cli.start import opened_storage, storage_of
from service.errors import UnknownApiKey
from service.workflows import api_keys
from service.workflows.people import By

commands = typer.Typer(no_args_is_help=True, help="API keys of applications and operators: making, listing, revoking.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@commands.command()
def create(
    role: Annotated[Role, typer.Option(help="What it is for.")],
    name: Annotated[str, typer.Option(help="Whose it is.")],
    tenant: Annotated[str, typer.Option(help="The tenant that it acts in.")] = DEFAULT_TENANT,
    expires_days: Annotated[int | None, typer.Option(help="How many days it holds; else until it is revoked.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make an API key. It is printed this once and kept nowhere; the service may run."""
    with storage_of(tenant) as storage:
        try:
            made = api_keys.create(storage, role, name, expires_days, by=By.OPERATOR.value)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    if as_json:
        print(json.dumps({**_facts(made.key), "key": made.shown}, indent=2))
        return
    Console(stderr=True).print("the key, shown this once:", highlight=False)
    print(made.shown)


@commands.command("list")
def listing(
    tenant: Annotated[str | None, typer.Option(help="Of this tenant only.")] = None, *, as_json: AsJson = False
) -> None:
    """List the API keys, of every tenant or of one; never the keys themselves."""
    with opened_storage() as storage:
        found, now = storage.api_keys.all(), storage.now()
    chosen = [key for key in found if tenant in {None, key.tenant}]
    if as_json:
        print(json.dumps([_facts(key) for key in chosen], indent=2))
        return
    table = Table("key", "tenant", "role", "name", "made", "expires", "last used", box=None, pad_edge=False)
    for key in chosen:
        expires = _moment(key.expires_at) if key.holds(now) else "expired"
        facts = (key.prefix, key.tenant, key.role.value, key.name, _moment(key.created_at), expires)
        table.add_row(*facts, _moment(key.last_used_at))
    Console().print(table, markup=False)


@commands.command()
def revoke(
    prefix: Annotated[str, typer.Argument(help="Its beginning, fw_ and eight characters.")], *, as_json: AsJson = False
) -> None:
    """Revoke an API key: it is refused from the next request on."""
    with opened_storage() as storage:
        whose = {key.prefix: key.tenant for key in storage.api_keys.all()}.get(prefix)
        if whose is None:
            raise UnknownApiKey
        revoked = api_keys.revoke(storage.of(whose), prefix, by=By.OPERATOR.value)
    print(json.dumps({"revoked": revoked.prefix}) if as_json else f"{revoked.prefix} is revoked")


def _facts(key: ApiKey) -> dict[str, Any]:
    moments = {name: value.isoformat() for name, value in asdict(key).items() if isinstance(value, datetime)}
    return asdict(key) | moments


def _moment(value: datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%d %H:%M}"
