"""Films that are being worked on: in memory, few at once, one after the other, forgotten soon.

JobRefused
├── UnknownJob     unknown_job      no such job, or not with that secret: nobody learns which
├── JobsFull       jobs_full
├── JobNotReady    job_not_ready
└── OneProcess     films_in_one_process
"""

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

from embeddings.film_refusals import FilmTooLarge
from service.background import FILMS, background
from service.errors import ServiceError, describe
from service.logs import log_failure
from service.workflows.film import FilmDone, Progress, Tell

KEPT_SECONDS: Final = 600.0
"""A job that nobody asks about for so long is cancelled and forgotten, done or not."""
MOST_FAILED: Final = 1000
"""Those that failed hold no film, and nobody's place either: only why is kept, of so many."""

Work = Callable[[BytesIO, Tell], FilmDone]


class JobRefused(ServiceError):
    """What a client asked of a job cannot be had."""


class UnknownJob(JobRefused):
    code = "unknown_job"


class JobsFull(JobRefused):
    code = "jobs_full"


class JobNotReady(JobRefused):
    code = "job_not_ready"


class OneProcess(JobRefused):
    """Of several processes behind one address each would know its own jobs only."""

    code = "films_in_one_process"


class _Cancelled(Exception):
    """Ends the work from inside."""


class Capped(BytesIO):
    """At most `most` bytes. Raises FilmTooLarge."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, data: Any, /) -> int:
        if self.tell() + len(data) > self._most:
            raise FilmTooLarge("the new film would be too large")
        return super().write(data)


@dataclass(slots=True, eq=False)
class Job:
    """`failed`: the exception that ended it. Written by the thread that works on it, read by others."""

    secret: str = field(repr=False)
    asked: float
    progress: Progress | None = None
    done: FilmDone | None = None
    film: bytes | None = field(default=None, repr=False)
    failed: Exception | None = None
    cancelled: bool = False

    @property
    def state(self) -> str:
        if self.failed is not None:
            return "failed"
        return "done" if self.film is not None else "waiting" if self.progress is None else "working"


class FilmJobs:
    """At most `most` jobs, of results of at most `most_bytes` each. May be shared between threads."""

    def __init__(self, most: int, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._pool = background(1, FILMS, "film")

    def admit(self) -> None:
        """Raises JobsFull, so that a film need not be read in vain."""
        self.tidy()
        with self._lock:
            self._check_place()

    def begin(self, work: Work) -> tuple[str, str]:
        """The ID of a new job and its secret, 128 random bits each. Raises JobsFull."""
        self.tidy()
        job, number = Job(secrets.token_urlsafe(16), self._clock()), secrets.token_urlsafe(16)
        with self._lock:
            self._check_place()
            self._jobs[number] = job
        self._pool.submit(self._run, job, work)
        return number, job.secret

    def _check_place(self) -> None:
        """Raises JobsFull. What is no film at all keeps no place from one that is."""
        failed = [number for number, job in self._jobs.items() if job.failed is not None]
        if len(self._jobs) - len(failed) >= self._most:
            raise JobsFull
        for number in failed[:-MOST_FAILED]:
            del self._jobs[number]

    def ask(self, number: str, secret: str) -> Job:
        """Raises UnknownJob."""
        self.tidy()
        with self._lock:
            job = self._jobs.get(number)
            if job is None or not hmac.compare_digest(job.secret.encode(), secret.encode()):
                raise UnknownJob
            job.asked = self._clock()
            return job

    def take(self, number: str, secret: str) -> tuple[bytes, FilmDone]:
        """The film, once: the job is forgotten with it. Raises UnknownJob, JobNotReady, and what ended it."""
        job = self.ask(number, secret)
        if job.failed is not None:
            raise job.failed
        if job.film is None or job.done is None:
            raise JobNotReady
        with self._lock:
            if self._jobs.pop(number, None) is None:
                raise UnknownJob
        return job.film, job.done

    def cancel(self, number: str, secret: str) -> None:
        """Raises UnknownJob."""
        self.ask(number, secret).cancelled = True
        with self._lock:
            self._jobs.pop(number, None)

    def tidy(self) -> None:
        """Cancels and forgets what nobody asked about for KEPT_SECONDS."""
        before = self._clock() - KEPT_SECONDS
        with self._lock:
            for number in [number for number, job in self._jobs.items() if job.asked < before]:
                self._jobs.pop(number).cancelled = True

    def close(self) -> None:
        with self._lock:
            for job in self._jobs.values():
                job.cancelled = True
            self._jobs.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, job: Job, work: Work) -> None:
        def tell(progress: Progress) -> None:
            job.progress = progress
            if job.cancelled:
                raise _Cancelled

        target = Capped(self._most_bytes)
        try:
            if not job.cancelled:
                job.done = work(target, tell)
                job.film = target.getvalue()
        except _Cancelled:
            return
        except Exception as error:  # noqa: BLE001 - told to who asks
            if describe(error) is None:
                log_failure(error, event="film_failed")
            job.failed = error.with_traceback(None)  # its frames would hold pictures
            job.failed.__context__ = job.failed.__cause__ = None
