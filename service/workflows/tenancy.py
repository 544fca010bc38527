"""Making tenants, and renewing how one's templates are turned, without new photos: what was copied before is worth
nothing then."""

from dataclasses import dataclass

from db.storage import Storage
from db.transforms import CarriedOver, Progress
from service.turning import Turning
from service.workflows.people import By


@dataclass(frozen=True, slots=True)
class Renewed:
    """`generation` in use; `templates` carried over; `worthless`: those of no use any more, whose secret is gone;
    `pending`: freed space still waits for a reader."""

    generation: int
    templates: int
    worthless: int
    pending: bool


def _silent(done: int) -> None:
    """Reports nothing."""


def create(storage: Storage, name: str) -> bool:
    """False where it is there already. Raises ValueError for a name that is none."""
    made = storage.tenants().create(name, storage.now())
    if made:
        with storage.of(name).begin() as work:
            work.note("tenant_created", None, by=By.OPERATOR.value)
            work.commit()
    return made


def revoke(storage: Storage, progress: Progress = _silent) -> Renewed:
    """A new transform for the tenant of `storage`; every template is carried over, the secret before destroyed.

    Stopped at any moment, it is ended by the next start or the next call. The service may run. Raises UnknownTenant.
    """
    transforms = storage.transforms()
    transforms.settle()
    if len(transforms.generations()) == 1:  # else one was begun, and ends now
        generation = transforms.renew()
        with storage.begin() as work:
            work.note("templates_revoked", None, generation=generation, by=By.OPERATOR.value)
            work.commit()
    turning = Turning(storage)
    done = bring_over(storage, turning, progress)
    return Renewed(turning.generation, done.templates, done.worthless, pending=not storage.sweep())


def bring_over(storage: Storage, turning: Turning, progress: Progress = _silent) -> CarriedOver:
    """Ends what was begun: templates of other generations, raw ones of earlier versions too, are carried over to that
    of `turning`, and the secrets before are destroyed; what they leave in free space goes with the next sweep."""
    transforms = storage.transforms()
    if not transforms.unfinished(turning.generation):
        return CarriedOver(0, 0)
    done = transforms.carry_over(turning.generation, turning.vector, progress)
    if done.templates or transforms.generations() != [turning.generation]:
        with storage.begin() as work:
            work.note(
                "templates_carried_over",
                None,
                generation=turning.generation,
                templates=done.templates,
                worthless=done.worthless,
            )
            work.commit()
    transforms.destroy_before(turning.generation)
    return done
