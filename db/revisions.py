"""Which revision the tables of a database are at, and bringing them to the newest."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, column, inspect, select, table

from db.engine import take_turn
from db.errors import StorageNewer

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def migrate(engine: Engine, tree: str, revision: str = "head") -> None:
    """Brings the database to the newest revision of a tree of migrations, `data` or `keys`, or to an earlier one.

    Raises StorageNewer, and changes nothing, where it has a revision that is not known here.
    """
    with engine.connect() as connection:
        take_turn(connection)  # two processes may start together
        if _known(connection, tree) == (revisions(tree)[-1] if revision == "head" else revision):
            return
        from alembic import command  # noqa: PLC0415 - loading it is a tenth of a start that has nothing to bring up

        config = alembic_config(tree)
        config.attributes["connection"] = connection
        config.attributes["version_table"] = _version_table(tree)
        command.upgrade(config, revision)
        connection.commit()


def require_known(engine: Engine, tree: str) -> None:
    """Raises StorageNewer where a later version of the service has changed the tables."""
    with engine.connect() as connection:
        _known(connection, tree)


def is_newest(engine: Engine, tree: str) -> bool:
    """Whether there is nothing to bring up. Raises StorageNewer."""
    with engine.connect() as connection:
        return _known(connection, tree) == revisions(tree)[-1]


@cache
def revisions(tree: str) -> tuple[str, ...]:
    """All of a tree, the earliest first: what the files' names begin with."""
    return tuple(sorted(file.stem.partition("_")[0] for file in (MIGRATIONS / tree).glob("*_*.py")))


def _known(connection: Connection, tree: str) -> str | None:
    """The revision it is at; None for an empty database."""
    name = _version_table(tree)
    found: str | None = None
    if inspect(connection).has_table(name):
        found = connection.scalar(select(column("version_num")).select_from(table(name)))
    if found is not None and found not in revisions(tree):
        shown = connection.engine.url.database or connection.dialect.name
        raise StorageNewer(f"{shown} is at {found}, which this version does not know")
    return found


def alembic_config(tree: str) -> "Config":
    """Alembic's, of a tree of migrations."""
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("version_locations", str(MIGRATIONS / tree))
    config.set_main_option("path_separator", "os")
    return config


def _version_table(tree: str) -> str:
    return f"alembic_version_{tree}"
