"""What people are asked to agree to: one sentence a use, under a version; kept with whoever agreed."""

import hashlib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from db.records import Consent
from service.errors import ConsentOutdated, ConsentRequired, UnsafeSettings

LOGIN: Final = "login"
ATTRIBUTES: Final = "attributes"
OVERLAYS: Final = "overlays"
GROWTH: Final = "growth"
USES: Final = (LOGIN, ATTRIBUTES, OVERLAYS, GROWTH)
DEFAULT_VERSION: Final = "1"
OWN_TEXT: Final = "own"
"""Version of a text that an operator brought along with an import."""
_LOGIN_TEXT: Final = (
    "I agree that a row of numbers for each photo is computed from my face and kept, sealed, to recognise me. "
    "The photos are not kept. After logging in I can see, take with me and erase everything."
)
_ATTRIBUTES_TEXT: Final = (
    "Keep my apparent {kinds} too, sealed like the rest. They never decide a login, and I can leave them out."
)
_GROWTH_TEXT: Final = (
    "When I log in with movements of my head, numbers of that login may be kept beside those of my photos, sealed like "
    "them, so that I am recognised more surely: the newest few, one a day at most."
)
_OVERLAYS_TEXT: Final = "Pictures that show me may be dressed up or turned into an avatar for me."


@dataclass(frozen=True, slots=True)
class ConsentText:
    """`texts`: a sentence for each use on offer; login is always among them and cannot be left out."""

    version: str
    texts: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal, of uses and sentences, a line each: `use`, a colon, a space, the sentence."""
        lines = (f"{use}: {self.texts[use]}" for use in USES if use in self.texts)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def given(self, uses: Collection[str], seen: str | None, at: datetime) -> Consent:
        """The line for the ledger. `seen`: the digest of the text that the person was shown, where the caller says.

        Raises ConsentRequired without the login, ConsentOutdated where they were shown another text.
        """
        if LOGIN not in uses:
            raise ConsentRequired
        if seen is not None and seen != self.digest:
            raise ConsentOutdated
        return Consent(at, self.version, self.digest, frozenset(uses) & self.texts.keys())


def consent_text(attributes: Collection[str], file: Path | None, *, growth: bool = False) -> ConsentText:
    """The text of this installation: from a file (TOML: `version`, and a sentence for `login`, `attributes`, `overlays`
    and `growth`, all but the first optional), or the built-in one. `growth`: whether templates may grow; without it
    that use is not on offer. Raises UnsafeSettings for a file that will not do."""
    texts = {LOGIN: _LOGIN_TEXT, OVERLAYS: _OVERLAYS_TEXT}
    if attributes:
        texts[ATTRIBUTES] = _ATTRIBUTES_TEXT.format(kinds=_listed(attributes))
    if growth:
        texts[GROWTH] = _GROWTH_TEXT
    if file is None:
        return ConsentText(DEFAULT_VERSION, texts)
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnsafeSettings(f"the consent text cannot be read: {type(error).__name__}") from None
    if not {LOGIN, "version"} <= found.keys() <= {*USES, "version"} or not all(
        isinstance(v, str) for v in found.values()
    ):
        raise UnsafeSettings(f"a consent text has a version and a sentence for each of {', '.join(USES)}")
    if growth and not found.get(GROWTH):
        raise UnsafeSettings("FACEWARDEN_TEMPLATE_GROWTH needs a sentence for `growth` in the consent text")
    offered = [use for use in USES if found.get(use) and (growth or use != GROWTH)]
    return ConsentText(found["version"], {use: found[use].strip() for use in offered})


def _listed(attributes: Collection[str]) -> str:
    *first, last = [kind for kind in ("age", "gender", "emotion") if kind in attributes]
    return f"{', '.join(first)} and {last}" if first else last
