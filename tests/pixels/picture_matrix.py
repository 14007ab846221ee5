"""Made pictures of every format, depth and kind of channels, and the page's table of which of them are read.

`python -m tests.pixels.picture_matrix` writes the table into docs/reference/formats.md.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from hilum.errors import FilmError
from hilum.pixels import chest_phantom, decode

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "formats.md"
BLOCK = re.compile(
    r"(<!-- pictures, written by `python -m tests.pixels.picture_matrix` -->\n).*?(<!-- pictures end -->)", re.DOTALL
)
DEPTHS = ("1 bit", "8 bits", "16 bits", "32 bits", "floats")
CHANNELS = ("grey", "grey and alpha", "palette", "RGB", "RGBA", "CMYK")
PHANTOM = chest_phantom(3, (48, 64)).astype(np.float64)
LARGEST = {"1 bit": 1, "8 bits": 255, "16 bits": 65535, "32 bits": 2**32 - 1, "floats": 1.0}
TYPES: dict[str, Any] = {
    "1 bit": np.uint8, "8 bits": np.uint8, "16 bits": np.uint16, "32 bits": np.uint32, "floats": np.float32
}  # fmt: skip


class Made(NamedTuple):
    """A picture that was written, and its grey from 0 to 1."""

    path: Path
    grey: NDArray[np.float64]


def levels(depth: str) -> Any:
    """The phantom between black and white, both of which it reaches, in steps of a depth."""
    whole = (PHANTOM - PHANTOM.min()) / (PHANTOM.max() - PHANTOM.min()) * LARGEST[depth]
    return (whole if depth == "floats" else np.rint(whole)).astype(TYPES[depth])


def make(form: str, depth: str, channels: str, folder: Path) -> Made | None:
    """Write one picture; None where the format has no such picture, or nothing here writes it."""
    grey = levels(depth)
    seen = grey.astype(np.float64) / LARGEST[depth]
    path = folder / f"{form} {depth} {channels}".replace(" ", "-")
    alpha = np.full_like(grey, LARGEST[depth])
    alpha[:, :8] = 0
    if "alpha" in channels or channels == "RGBA":
        seen = seen * (alpha > 0)
    stacks = {"grey": [grey], "grey and alpha": [grey, alpha], "RGB": [grey] * 3, "RGBA": [*[grey] * 3, alpha]}
    if form == "TIFF" and depth not in ("1 bit", "8 bits") and channels in ("grey", "RGB", "RGBA"):
        values = np.dstack(stacks[channels]).squeeze()
        tifffile.imwrite(path, values, photometric="rgb" if channels != "grey" else "minisblack")
        return Made(path, seen)
    if form == "PNG" and depth == "16 bits" and channels in ("RGB", "RGBA"):
        path.write_bytes(cv2.imencode(".png", np.dstack(stacks[channels]))[1].tobytes())
        return Made(path, seen)
    modes = {"grey": "L", "grey and alpha": "LA", "palette": "P", "RGB": "RGB", "RGBA": "RGBA", "CMYK": "CMYK"}
    if depth == "16 bits" and channels == "grey":
        image = Image.fromarray(grey)
    elif depth == "1 bit" and channels == "grey":
        image = Image.fromarray(grey > 0)
    elif depth == "8 bits" and channels in stacks:
        image = Image.fromarray(np.dstack(stacks[channels]).squeeze(), modes[channels])
    elif depth == "8 bits":
        image = Image.fromarray(grey).convert(modes[channels])
    else:
        return None
    options = {"lossless": True, "exact": True} if form == "WebP" else {"quality": 100} if form == "JPEG" else {}
    try:
        image.save(path, {"JPEG 2000": "JPEG2000", "WebP": "WEBP"}.get(form, form), **options)
    except (OSError, ValueError, KeyError):
        return None
    with Image.open(path) as written:
        same = written.mode == image.mode or (form == "JPEG 2000" and depth == "16 bits")
    return Made(path, seen) if same else None


def cells(make_one: Callable[[str, str, str, Path], Made | None] = make) -> Iterator[tuple[str, str, list[str]]]:
    """For every format and depth the kinds of channels that are read, each compared with what was written."""
    with tempfile.TemporaryDirectory() as folder:
        for form in ("JPEG", "PNG", "TIFF", "BMP", "WebP", "JPEG 2000"):
            for depth in DEPTHS:
                read = []
                for channels in CHANNELS:
                    made = make_one(form, depth, channels, Path(folder))
                    if made is None:
                        continue
                    try:
                        grey = decode(str(made.path))
                    except FilmError as refusal:
                        if "save it as grey" not in refusal.reason:
                            raise
                        continue
                    np.testing.assert_allclose(grey, made.grey, atol=1.5 / 255, err_msg=made.path.name)
                    read.append(channels)
                yield form, depth, read


def table() -> str:
    """The table in Markdown."""
    rows: dict[str, list[str]] = {}
    for form, _, read in cells():
        rows.setdefault(form, []).append(", ".join(read) or "–")
    lines = [f"| format | {' | '.join(DEPTHS)} |", "|---" * (len(DEPTHS) + 1) + "|"]
    return "\n".join([*lines, *(f"| {form} | {' | '.join(read)} |" for form, read in rows.items())]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(BLOCK.sub(lambda found: found[1] + table() + found[2], PAGE.read_text("utf-8")), "utf-8")
