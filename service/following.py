"""Keeps what this process has in memory in step with the database, whoever writes to it: the command line, another
worker, another node."""

import threading
from collections.abc import Callable
from typing import Final

from db.errors import StorageError, told_apart
from db.storage import Storage
from service.logs import log_failure

LOOK_EVERY_SECONDS: Final = 0.25
"""How long a look at the database takes at most; news of a file are seen no sooner."""
AGAIN_AFTER_SECONDS: Final = 2.0


class Follower:
    """Calls `follow` on a thread of its own whenever there may be news. A login looks by itself, too: this is so that
    who was erased elsewhere leaves the memory of this process soon, and the next login finds the work done."""

    def __init__(self, storage: Storage, follow: Callable[[], None]) -> None:
        self._storage = storage
        self._follow = follow
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when it has ended."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        watch, failed = self._storage.watch(), False
        while not self._stopped.is_set():
            try:
                with told_apart():
                    news = watch.wait(LOOK_EVERY_SECONDS)
                if news or failed:
                    self._follow()
                failed = False
            except StorageError as error:
                if not failed:
                    log_failure(error, event="following_failed")
                failed = True
                watch.close()
                self._stopped.wait(AGAIN_AFTER_SECONDS)
            except Exception as error:  # noqa: BLE001 - the next news try again
                log_failure(error, event="following_failed")
                failed = True
                self._stopped.wait(AGAIN_AFTER_SECONDS)
        watch.close()
