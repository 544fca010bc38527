"""Whether the service should be sent requests."""

from dataclasses import dataclass

from service.errors import Stopping


@dataclass(slots=True)
class Readiness:
    """`stopping` is set once, by whoever was told to end the process."""

    stopping: bool = False

    def check(self) -> None:
        """Raises Stopping."""
        if self.stopping:
            raise Stopping
