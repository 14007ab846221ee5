"""A sheet of twenty pictures that a detector does not judge, each with its reason, for a person to agree with or not.

The pictures are made: children's films of the validation split that are rotated, inverted, blanked and so on, an
adult's film (a DICOM sample of NEMA), and pictures that are no chest films.

    python -m benchmarks.refusals shipped --data ../shared/data --out docs/images/refusals.png
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from benchmarks.gate import scikit_image
from benchmarks.gate_pictures import made_pictures
from hilum import films, gate
from hilum.gate.descriptor import Image8
from hilum.gate.other_pictures import noise, page
from hilum.inference import Detector
from hilum.pixels import chest_phantom, decode

SIDE, CAPTION, ACROSS = 176, 62, 5


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", help="a bundle's folder, or shipped")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    pictures = pictures_of(arguments.data)
    detector = Detector(arguments.bundle)
    rows = [detector.predict(picture).rows[0] for _, picture in pictures]
    down = -(-len(pictures) // ACROSS)
    sheet = Image.new("L", (ACROSS * (SIDE + 8), down * (SIDE + CAPTION)), 255)
    pen = ImageDraw.Draw(sheet)
    for place, ((kind, picture), row) in enumerate(zip(pictures, rows, strict=True)):
        left, top = place % ACROSS * (SIDE + 8) + 4, place // ACROSS * (SIDE + CAPTION)
        shown = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        sheet.paste(Image.fromarray(shown), (left, top))
        reason = "; ".join(gate.stopping(row.flags)[:1]) or row.error or f"({row.answer})"
        pen.multiline_text((left, top + SIDE + 2), "\n".join(textwrap.wrap(reason, 30)), fill=0)
        print(f"{kind:<28} {row.answer}: {row.error or '; '.join(row.flags)}")
    sheet.save(arguments.out, optimize=True)


def pictures_of(data: Path) -> list[tuple[str, Image8]]:
    """Twenty pictures and what they are."""
    draws = np.random.default_rng(3)
    val = list(films.index(data / "chest_xray").split("val"))
    chests = [np.rint(255 * decode(film.path)).astype(np.uint8) for film in val[:: len(val) // 8]][:8]
    side = len(chests[0])
    chests = [cv2.resize(film, (side, side)) for film in chests]  # type: ignore[misc]
    made = made_pictures(chests, 5)
    out = [
        ("rotated clockwise", np.ascontiguousarray(np.rot90(chests[0], 3))),
        ("rotated anticlockwise", np.ascontiguousarray(np.rot90(chests[1]))),
        ("upside down", np.ascontiguousarray(np.rot90(chests[2], 2))),
        ("inverted", 255 - chests[3]),
        ("inverted", 255 - chests[4]),
        ("one even grey", np.full((side, side), 90, dtype=np.uint8)),
        ("noise", noise(side, draws)),
        ("page", page(side, draws)),
        ("adult", np.rint(255 * decode(str(data / "dicom" / "RG1_J2KI.dcm"))).astype(np.uint8)),
        ("leg", np.rint(255 * decode(str(data / "dicom" / "RG3_J2KR.dcm"))).astype(np.uint8)),
        ("phantom", np.rint(255 * chest_phantom(1, (224, 224))).astype(np.uint8)),
        ("photograph", np.rint(255 * scikit_image("camera.png")).astype(np.uint8)),
        ("photograph", np.rint(255 * scikit_image("coins.png")).astype(np.uint8)),
    ]
    kinds = (
        "photographs of screens", "collages of four films", "two films in one picture", "CT slices, drawn",
        "drawings of a chest", "limbs, drawn", "a film cut in tiles that change places",
    )  # fmt: skip
    return [*out, *((kind, made[kind][place]) for place, kind in enumerate(kinds))]


if __name__ == "__main__":
    main()
