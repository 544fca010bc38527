"""Why a file is not taken as a picture.

    ImageRefused
      EmptyImage          nothing was sent
      ImageTooLarge       too many bytes
      TooManyPixels       too many pixels, by the header
      ImageTooSmall       too few pixels to hold a face
      UnsupportedFormat   not JPEG, PNG or WebP, or a kind of them that is not one still picture
      BrokenImage         damaged, cut off, or contradicting itself

Beside them: FormatTooSmall, for a picture that cannot be written in the format asked for.

No message holds anything of the file but the name of its format.
"""

from typing import ClassVar


class ImageRefused(Exception):
    """A file that is not taken as a picture; always one of the classes below."""

    code: ClassVar[str]


class EmptyImage(ImageRefused):
    code: ClassVar[str] = "empty_image"


class ImageTooLarge(ImageRefused):
    code: ClassVar[str] = "image_too_large"


class TooManyPixels(ImageRefused):
    code: ClassVar[str] = "too_many_pixels"


class ImageTooSmall(ImageRefused):
    code: ClassVar[str] = "image_too_small"


class BrokenImage(ImageRefused):
    code: ClassVar[str] = "broken_image"


class UnsupportedFormat(ImageRefused):
    """`format_name`: what the file is; `advice`: what whoever sent it can do."""

    code: ClassVar[str] = "unsupported_format"

    def __init__(self, format_name: str, advice: str) -> None:
        super().__init__(f"{format_name} is not supported. {advice}")
        self.format_name = format_name
        self.advice = advice


class FormatTooSmall(ValueError):
    """A picture whose side is longer than the format asked for can tell."""

    code: ClassVar[str] = "format_too_small"
