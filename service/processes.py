"""Several processes behind one address: uvicorn's supervisor starts them, replaces one that died, and stops them.

Each has its own models and index; what they share is the database.
"""

import gc
import logging
import os
import socket
import sys

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from service.app import create_app
from service.bootstrap import build
from service.errors import TABLE, NotStarted
from service.logs import configure_logging, log
from service.process import end_with_parent, harden
from service.settings import Settings


def run_processes(config: uvicorn.Config, listening: socket.socket) -> None:
    """Returns when they were stopped. Raises NotStarted where one of them could not begin."""
    supervisor = Multiprocess(config, sockets=[listening])
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise NotStarted


def serve_as_one_of_several(settings: Settings) -> FastAPI:
    """What each of them calls, in its own interpreter."""
    gc.disable()
    end_with_parent()
    harden()
    configure_logging(settings.log_level, settings.log_file, process=os.getpid())
    try:
        app = create_app(build(settings), worker=str(os.getpid()))
    except Exception as error:
        code = getattr(error, "code", None)
        if code not in TABLE:
            raise
        log("not_started", logging.ERROR, code=code)
        sys.exit(STARTUP_FAILURE)
    gc.freeze()  # as where one process serves alone
    gc.enable()
    return app
