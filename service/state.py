"""What the metrics ask for when they are read: the queue, the index, who has to wait."""

from collections.abc import Mapping

from db.errors import StorageError
from service.bootstrap import Application
from service.workers import Workers


def state(application: Application, workers: Workers) -> Mapping[str, float]:
    """By the names of `service.metrics.STATE`; without those of the database where that does not answer."""
    running = min(workers.taken, workers.threads)
    found: dict[str, float] = {
        "queue_running": running,
        "queue_waiting": workers.taken - running,
        "queue_refused_total": workers.refused,
        "index_people": application.tenants.index_size(),
        "rows_refused_total": application.storage.proofs.refused,
    }
    try:
        limits = application.administer.lockout.limits
        with application.storage.begin() as work:
            found["subjects_waiting"] = work.failures.count(limits.free)
            found["subjects_stopped"] = work.failures.count(limits.stop)
    except StorageError:
        pass
    return found
