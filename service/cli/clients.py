"""`facewarden clients`: applications that people sign in to by OpenID Connect."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from db.tables import DEFAULT_TENANT
from service.cli.start import opened_storage, storage_of
from service.workflows.clients import ClientRegistry

commands = typer.Typer(no_args_is_help=True, help="Applications that people sign in to by OpenID Connect.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@commands.command()
def add(
    name: Annotated[str, typer.Argument(help="What the sign-in page calls it.")],
    redirect_uri: Annotated[list[str], typer.Option(help="Where the browser goes back to; several: give it again.")],
    tenant: Annotated[str, typer.Option(help="Whose people sign in.")] = DEFAULT_TENANT,
    *,
    public: Annotated[bool, typer.Option("--public", help="It can keep no secret: in a browser, on a phone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register an application. Its secret is shown this once."""
    with storage_of(tenant) as storage:
        try:
            made = ClientRegistry(storage).add(name, redirect_uri, public=public)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    if as_json:
        print(json.dumps({"client_id": made.client_id, "client_secret": made.secret}))
        return
    print(f"client_id      {made.client_id}")
    print(f"client_secret  {made.secret} (not shown again)" if made.secret else "it has no secret")


@commands.command("list")
def listing(*, as_json: AsJson = False) -> None:
    """List the applications. No secret is printed, and none is kept."""
    with opened_storage() as storage:
        found = ClientRegistry(storage).listing()
    if as_json:
        rows = [
            {
                "client_id": each.client_id,
                "name": each.name,
                "tenant": each.tenant,
                "public": each.secret is None,
                "redirect_uris": list(each.redirect_uris),
                "created_at": each.created_at.isoformat(),
            }
            for each in found
        ]
        print(json.dumps(rows, indent=2))
        return
    table = Table("client_id", "name", "tenant", "secret", "redirect URIs", box=None, pad_edge=False)
    for each in found:
        kept = "none" if each.secret is None else "kept hashed"
        table.add_row(each.client_id, each.name, each.tenant, kept, "\n".join(each.redirect_uris))
    Console().print(table)


@commands.command()
def remove(client_id: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """Remove an application: nobody signs in to it any more, and its access tokens are worth nothing."""
    with opened_storage() as storage:
        ClientRegistry(storage).remove(client_id)
    print("removed")
