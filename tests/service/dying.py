"""A command that is killed in its middle: `python -m tests.service.dying COUNT BEGINNING COMMAND...`.

By SIGKILL, before it sends a database its COUNT-th statement of that beginning. Who waits for the moment and kills it
from outside comes too late on a busy machine.
"""

import os
import signal
import sys
from itertools import count as counted

from sqlalchemy import Engine, event

from service.cli.main import main
from service.workflows import purge

BATCH = 2


def die_before(count: int, beginning: str) -> None:
    numbers = counted(1)

    def sends(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(beginning) and next(numbers) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", sends)


if __name__ == "__main__":
    _, count, beginning, *command = sys.argv
    setattr(purge, "BATCH", BATCH)  # noqa: B010 - a constant everywhere else
    die_before(int(count), beginning)
    sys.argv = ["facewarden", *command]
    main()
