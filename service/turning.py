"""How one tenant's vectors are turned: by the transform of its generation, and those of other generations onto it."""

import threading

from db.records import StoredTemplate, Vector
from db.storage import Storage
from embeddings.embed import ModelSpec
from embeddings.embedders import parts
from embeddings.protection import Transform

Parts = tuple[int, ...]


class Turning:
    """Of one generation, the one that was in use when this was made. Safe to share between threads."""

    def __init__(self, storage: Storage) -> None:
        """Raises UnknownTenant."""
        self._transforms = storage.transforms()
        self.generation = self._transforms.settle()
        # Read before any template is: whoever carries templates over destroys a secret once nothing is turned by it.
        self._secrets = {number: self._transforms.secret(number) for number in self._transforms.generations()}
        self._made: dict[tuple[int, Parts], Transform] = {}
        self._carrying: dict[tuple[int, Parts], Transform | None] = {}
        self._lock = threading.Lock()

    def turned(self, spec: ModelSpec) -> ModelSpec:
        """What goes with turned vectors of that model."""
        return spec.turned(self.of(parts(spec.model_id, spec.dimension)))

    def of(self, views: Parts) -> Transform:
        """The transform of raw vectors of these parts."""
        made = self._of(self.generation, views)
        if made is None:
            raise LookupError("the secret of the generation in use is gone")
        return made

    def vector(self, model_id: str, generation: int, vector: Vector) -> Vector | None:
        """A vector that is turned by another generation (0: raw), turned by this one; None where its secret is gone."""
        if generation == self.generation:
            return vector
        carrying = self._onto(generation, parts(model_id, len(vector)))
        return None if carrying is None else carrying.apply(vector)

    def template(self, row: StoredTemplate) -> Vector | None:
        """The vector of a template under this generation; None where nothing can be compared with it any more."""
        return self.vector(row.model_id, row.transform, row.vector)

    def _onto(self, generation: int, views: Parts) -> Transform | None:
        key = generation, views
        if key not in self._carrying:
            before = None if generation == 0 else self._of(generation, views)
            if generation == 0:
                self._carrying[key] = self.of(views)
            else:
                self._carrying[key] = None if before is None else before.carry_over(self.of(views))
        return self._carrying[key]

    def _of(self, generation: int, views: Parts) -> Transform | None:
        key = generation, views
        with self._lock:
            if key not in self._made:
                secret = self._secrets.get(generation) or self._transforms.secret(generation)
                if secret is None:
                    return None
                self._secrets[generation] = secret
                self._made[key] = Transform.derive(secret, views)
            return self._made[key]
