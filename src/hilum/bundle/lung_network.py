"""Writing a network that finds lungs: for ONNX Runtime, and its weights for torch. Needs torch."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from safetensors.torch import save_file
from torch import nn

from hilum.bundle.consistency import LUNGS_NAME, LUNGS_RECORD, WEIGHTS_NAME
from hilum.bundle.lung_record import LungRecord, read_lungs, seal_lungs
from hilum.bundle.onnx_export import export_onnx, round_weights
from hilum.bundle.seal import part_of, put_in_place
from hilum.bundle.weights import halved
from hilum.errors import RequestError
from hilum.files import replacing
from hilum.models import LungNetwork, LungProbabilities
from hilum.pixels import chest_phantom

_LARGEST = 2_000_000  # bytes of the ONNX file, which ships with the package
_FILMS = 4


def write_lung_network(network: LungNetwork, folder: Path, record: LungRecord) -> LungRecord:
    """Write a folder that holds the network as `lungs.onnx`, its weights, and the sealed `lungs.json`.

    The ONNX network gives probabilities: `films` (n, 1, size, size) float32 in [0, 1] → `lungs` (n, 1, size, size)
    and `view` (n, 5). The folder appears whole or not at all.

    Args:
        network: trained, on the CPU, in evaluation mode; its weights are rounded to float16 where the recipe says so.
        folder: to write; what is there already is replaced if it holds such a network.
        record: before its files are listed.

    Raises:
        HilumError: the ONNX network does not give what the torch network gives.
        RequestError: the folder holds something else.
    """
    with part_of(folder, _refuse_no_lungs) as part:
        half, size = record.recipe.bundle.weights == "float16", record.recipe.pixels.size
        if half:
            round_weights(network)
        films = np.stack([chest_phantom(seed, (size, size), 0.2 * seed) for seed in range(_FILMS)])
        levels = np.rint(films * 255).astype(np.uint8)
        deployed: nn.Module = LungProbabilities(network).eval()
        export_onnx(deployed, levels, part / LUNGS_NAME, half=half, outputs=("lungs", "view"))
        weights = {
            name: halved(values) if half else values.contiguous() for name, values in network.state_dict().items()
        }
        with replacing(part / WEIGHTS_NAME) as temporary:
            save_file(weights, temporary)
        sealed = seal_lungs(part, record)
        put_in_place(part, folder)
    return sealed


def ship_lung_network(folder: Path, package: Path) -> LungRecord:
    """Copy a trained network into the package: `lungs.onnx`, and `lungs.json` without the weights for going on.

    Args:
        folder: as `write_lung_network` wrote it.
        package: the folder of `hilum.lungs`.

    Raises:
        BundleError: the folder is damaged.
        RequestError: the network is larger than what the package may hold.
    """
    record = read_lungs(folder)
    size = (folder / LUNGS_NAME).stat().st_size
    if size > _LARGEST:
        raise RequestError(
            f"{folder / LUNGS_NAME}: {size / 1e6:.1f} MB, and at most {_LARGEST / 1e6:.0f} MB are shipped"
        )
    package.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / LUNGS_NAME, package / LUNGS_NAME)
    return seal_lungs(package, record)


def _refuse_no_lungs(folder: Path) -> None:
    if any(folder.iterdir()) and not (folder / LUNGS_RECORD).exists():
        raise RequestError(f"{folder}: exists and holds no network that finds lungs; name another folder")
