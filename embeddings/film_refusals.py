"""Why a film is not taken.

FilmRefused
├── UnsupportedFilm   unsupported_film
├── BrokenFilm        broken_film
├── FilmTooLarge      film_too_large
└── AudioNotCopied    audio_not_copied
"""

from typing import ClassVar


class FilmRefused(ValueError):
    """A film that cannot be read or written as asked; no message holds anything of the film."""

    code: ClassVar[str]


class UnsupportedFilm(FilmRefused):
    """A container or codec that is not read, or no moving picture in it."""

    code = "unsupported_film"


class BrokenFilm(FilmRefused):
    """Not one frame can be decoded."""

    code = "broken_film"


class FilmTooLarge(FilmRefused):
    """More pixels a frame, frames or seconds than allowed."""

    code = "film_too_large"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class AudioNotCopied(FilmRefused):
    """The container that is written cannot hold this sound."""

    code = "audio_not_copied"
