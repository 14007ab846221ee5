"""Make `lung_atlas.png`: an average chest film of a child and, beside it, how often each place is lung.

    python -m tests.pixels.make_lung_atlas ../shared/data/chest_xray/train

Lungs of normal films that a threshold alone separates from all else start it: they are laid upon one another by their
bounding boxes. Then the average film is aligned with films of both classes and averaged anew, so that it resembles
lungs with pneumonia too; how often a place is lung is counted on normal films whose threshold and alignment agree.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.pixels import decode
from hilum.pixels.lungs import ATLAS, SIDE, align, even_out, pull

Grey = NDArray[np.float32]
BOX = (17, 20, 79, 82)  # of both lungs in the first average: left, top, right, bottom
FILMS = 400  # of each class


def lungs_by_threshold(grey: Grey) -> Grey | None:
    """Two large dark regions that no border touches, one in each half; None for most films with pneumonia."""
    small = (cv2.resize(grey, (128, 128), interpolation=cv2.INTER_AREA) * 255).astype(np.uint8)
    body = _largest((np.asarray(cv2.GaussianBlur(small, (0, 0), 2)) > 25).astype(np.uint8))
    smooth = cv2.GaussianBlur(small, (0, 0), 1.5)
    level, _ = cv2.threshold(smooth[body > 0].reshape(-1, 1), 0, 255, cv2.THRESH_OTSU)
    below = ((smooth < level) & (cv2.erode(body, np.ones((7, 7))) > 0)).astype(np.uint8)
    dark = cv2.morphologyEx(below, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    _, regions, boxes, centres = cv2.connectedComponentsWithStats(dark)
    columns = np.flatnonzero(body.any(axis=0))
    halves: tuple[list[int], list[int]] = ([], [])
    for region, (left, top, width, height, area) in enumerate(boxes):
        inside = left > 0 and top > 0 and left + width < 128 and top + height < 128
        if region and inside and area > 0.03 * 128**2:
            halves[int(centres[region][0] >= (columns[0] + columns[-1]) / 2)].append(region)
    if not all(halves):
        return None
    kept = [max(half, key=lambda region: int(boxes[region][4])) for half in halves]
    two = np.isin(regions, kept).astype(np.uint8)
    mask = cv2.morphologyEx(two, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15)))
    lungs = cv2.resize(mask.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return np.asarray(lungs) if 0.1 < lungs.mean() < 0.4 else None


def _largest(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    count, regions, boxes, _ = cv2.connectedComponentsWithStats(mask)
    return (regions == 1 + np.argmax(boxes[1:, 4])).astype(np.uint8) if count > 1 else mask


def box_to_box(lungs: Grey) -> Grey:
    """The map from BOX to the lungs' bounding box."""
    rows, columns = (np.flatnonzero((lungs > 0.5).any(axis=axis)) for axis in (1, 0))
    across, down = np.ptp(columns) / (BOX[2] - BOX[0]), np.ptp(rows) / (BOX[3] - BOX[1])
    return np.array([[across, 0, columns[0] - across * BOX[0]], [0, down, rows[0] - down * BOX[1]]], dtype=np.float32)


def dice(one: Grey, other: Grey) -> float:
    """How far two masks agree, once what is half and more counts as one."""
    first, second = one > 0.5, other > 0.5
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


def then(first: Grey, second: Grey) -> Grey:
    """The affine map that does one and then the other."""
    whole = np.vstack([second, [0, 0, 1]]) @ np.vstack([first, [0, 0, 1]])
    return np.asarray(whole[:2], dtype=np.float32)


def make(train: Path) -> Grey:
    films = {kind: _read(train / kind) for kind in ("NORMAL", "PNEUMONIA")}
    normal = [(film, lungs_by_threshold(grey)) for film, grey in films["NORMAL"]]
    known = [(film, lungs) for film, lungs in normal if lungs is not None]
    maps = [box_to_box(lungs) for _, lungs in known]
    average, share = (
        np.mean([pull(pair[part], each) for pair, each in zip(known, maps, strict=True)], axis=0) for part in (0, 1)
    )
    for least in (0.80, 0.80, 0.68):  # quality; the last average takes in films with pneumonia
        kinds = films if least < 0.7 else {"NORMAL": films["NORMAL"]}
        found = {kind: [(film, *align(film, average)) for film, _ in each] for kind, each in kinds.items()}
        good = [to for each in found.values() for _, quality, to in each if to is not None and quality > least]
        # Seen from the mean layout the average film's own map is the identity, where the next alignment starts.
        back = cv2.invertAffineTransform(np.mean(good, axis=0)).astype(np.float32)
        means, masks = [], []
        for kind, each in found.items():
            kept = [(film, then(back, to)) for film, quality, to in each if to is not None and quality > least]
            means.append(np.mean([pull(film, to) for film, to in kept], axis=0))
            print(f"{kind}: {len(kept)} of {len(each)} films above {least}")
        moved = pull(share, back)
        for (_, lungs), (_, quality, to) in zip(normal, found["NORMAL"], strict=True):
            if lungs is not None and to is not None and quality > 0.80:
                seen = pull(lungs, then(back, to))
                if dice(seen, moved) > 0.85:
                    masks.append(seen)
        average, share = np.mean(means, axis=0), np.mean(masks, axis=0)
        print(f"lungs of {len(masks)} films")
    return np.hstack([(average + 2.5) / 5, share]).astype(np.float32)


def _read(folder: Path) -> list[tuple[Grey, Grey]]:
    paths = sorted(folder.iterdir())
    greys = [decode(str(path)) for path in paths[:: max(1, len(paths) // FILMS)][:FILMS]]
    return [(even_out(grey), grey) for grey in greys]


if __name__ == "__main__":
    cv2.imwrite(str(ATLAS), np.rint(make(Path(sys.argv[1])) * 255).astype(np.uint8))
