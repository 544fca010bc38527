"""The keys that sign tokens: replacing them by hand and by age, so that nobody has to log in again for it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from db.storage import Storage
from service.token_keys import TokenKey, TokenKeys
from service.workflows.people import By

BY_AGE: Final = "age"


@dataclass(frozen=True, slots=True)
class Signing:
    """Of all tenants. `every`: the age at which a key is followed by the next."""

    storage: Storage
    keys: TokenKeys
    every: timedelta

    def rotate(self, by: str = By.OPERATOR.value, *, at_once: bool = False) -> TokenKey:
        """The next key. It is published now, signs a little later, and the one before goes when its last token has
        expired; with `at_once` it signs now, the others are destroyed, and every token there is is worth nothing."""
        made = self.keys.add()
        if at_once:
            self.keys.keep_only(made)
        with self.storage.begin() as work:
            work.note("token_key_made", None, by=by, key=made.kid, at_once=at_once)
            work.commit()
        if at_once:
            self.storage.sweep()
        return made

    def keep(self) -> None:
        """Replaces a key that is old enough and destroys those that are not needed any more. Two workers may both make
        one: the later one signs."""
        if self.keys.is_due(self.every):
            self.rotate(BY_AGE)
        self.keys.retire()
