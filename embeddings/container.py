"""What the readers of JPEG, PNG and WebP files hand on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Container:
    """A file taken apart without decoding it.

    `width` and `height`: pixels as stored, which the decoder will find too; `exif`: the EXIF block, empty if none;
    `stream`: the file again with nothing but what a decoder needs: no metadata, no profile, nothing after the end;
    `alpha`: whether it may be transparent; `whole`: whether the file says where it ends.
    """

    width: int
    height: int
    exif: bytes
    stream: bytes
    alpha: bool = False
    whole: bool = True
