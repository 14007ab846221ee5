"""The lungs that are found in six films, on one sheet for the documentation.

    python -m benchmarks.lung_pictures ../shared/data --out docs/images/lungs.png

Takes the folder with `chest_xray` (Kermany et al., Cell 172 (2018), CC BY 4.0), `rsna_normal` (Shih et al.,
Radiology: AI 1 (2019)) and `dicom` (NEMA's sample files); the films were chosen by eye.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from hilum.lungs import find_lungs
from hilum.pixels import decode
from hilum.workflows.lungs import outlined

SIDE = 240  # of a film on the sheet, in pixels
_TRAIN = "chest_xray/train"
FILMS = (
    ("normal", f"{_TRAIN}/NORMAL/IM-0115-0001.jpeg", 0),
    ("white lung", f"{_TRAIN}/PNEUMONIA/person262_virus_544.jpeg", 0),
    ("effusion", f"{_TRAIN}/PNEUMONIA/person351_bacteria_1621.jpeg", 0),
    ("on its side", f"{_TRAIN}/NORMAL/IM-0115-0001.jpeg", 3),
    ("adult", "rsna_normal/images", 0),
    ("no chest", "dicom/RG3_J2KR.dcm", 0),
)


def main() -> None:
    """Draw the sheet, and print what is found in each film."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images/lungs.png"))
    arguments = parser.parse_args()
    tiles = []
    for title, name, quarters in FILMS:
        path = arguments.data / name
        path = sorted(path.iterdir())[0] if path.is_dir() else path
        grey = np.ascontiguousarray(np.rot90(decode(str(path)), quarters))
        found = find_lungs(grey)
        said = ", ".join((found.reason or "found", *found.remarks))
        print(f"{title}: {path.name}: {said}; frontal {found.frontal:.2f}")
        drawn = outlined(grey, found.mask, SIDE)
        tile = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
        tile[: drawn.shape[0], : drawn.shape[1]] = drawn
        cv2.putText(tile, title, (4, SIDE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (230, 159, 0), 1, cv2.LINE_AA)
        tiles.append(tile)
    sheet = np.vstack([np.hstack(tiles[:3]), np.hstack(tiles[3:])])
    Image.fromarray(sheet).save(arguments.out, optimize=True)


if __name__ == "__main__":
    main()
