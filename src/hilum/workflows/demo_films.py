"""Films for the demo: the user's, those next to the checkout, MedMNIST's, or generated pictures that are no films."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np

from hilum.downloads import download
from hilum.files import replacing
from hilum.places import cache_folder
from hilum.progress import track

logger = logging.getLogger("hilum")


_KERMANY = (
    "Kermany, Zhang, Goldbaum: Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images, Mendeley Data, "
    "10.17632/rscbjbr9sj (Kermany et al., Cell 172, 2018), CC BY 4.0"
)
_MEDMNIST = f"PneumoniaMNIST (Yang et al., Scientific Data 10, 2023), CC BY 4.0, made from: {_KERMANY}"
_RECORD = "https://zenodo.org/records/10519652/files"
_ARCHIVES = {
    "pneumoniamnist_64.npz": "8f4eceb4ccffa70c672198ea285246c6",
    "pneumoniamnist_224.npz": "d6a3c71de1b945ea11211b03746c1fe1",
}
_PATIENTS = 200  # generated ones, two pictures each


def at_hand(data: Path | None, out: Path) -> tuple[Path, str, str]:
    """Where the demo's films lie, in words what they are, and whom to credit for them."""
    named = data or (Path(os.environ["HILUM_DATA"]) if os.environ.get("HILUM_DATA") else None)
    if named is not None:
        return named, str(named), ""
    nearby = Path("../shared/data/chest_xray")
    if nearby.is_dir():
        return nearby, f"{nearby}, children's chest films", _KERMANY
    folder = cache_folder() / "medmnist"
    for name in _ARCHIVES:
        try:
            return fetch(name, folder), f"{name} from MedMNIST", _MEDMNIST
        except OSError as error:
            logger.info(f"    {name} cannot be had: {error}")
    logger.info("    " + "=" * 78)
    logger.info("    NO FILMS ARE AT HAND. The demo goes on with GENERATED PICTURES, which are not films of anybody.")
    logger.info("    Its figures show that the path runs and nothing else. Name films with --data DIR.")
    logger.info("    " + "=" * 78)
    return (
        generate(out / "phantoms", _PATIENTS),
        "generated pictures, NOT films",
        "Generated pictures; nobody's films.",
    )


def fetch(name: str, folder: Path) -> Path:
    """Download an archive once; the MD5 must be the published one.

    Raises:
        OSError: it cannot be had, or is not what was published.
    """
    path = folder / name
    if not path.exists():
        download(f"{_RECORD}/{name}?download=1", path, _ARCHIVES[name], "md5")
    return path


def generate(folder: Path, patients: int) -> Path:
    """Draw a folder of chest phantoms in Kermany's layout, two films a patient; returns it."""
    from PIL import Image

    from hilum.pixels import chest_phantom

    draw = np.random.RandomState(0)
    for number in track(range(2 * patients), "drawing phantoms", 2 * patients):
        patient, ill = number // 2, number // 2 % 2 == 1
        split = "test" if patient >= patients * 4 // 5 else "train"
        name = f"person{patient}_bacteria_{number}.png" if ill else f"IM-{patient:04d}-{number:04d}.png"
        path = folder / split / ("PNEUMONIA" if ill else "NORMAL") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        phantom = chest_phantom(number, (256, 256), draw.uniform(0.3, 1.0) if ill else 0.0)
        with replacing(path) as temporary:
            Image.fromarray((phantom * 255).round().astype(np.uint8)).save(temporary, format="PNG")
    return folder
