"""Feature extraction: each film once through a network's frozen stages, and what comes out kept on disk."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hilum.batches import FilmBatches, Views, apply, center_crops, cut, draw, draw_crops, make_generator
from hilum.batches.crops import Crops
from hilum.errors import HilumError, RequestError
from hilum.features.feature_batches import FeatureBatches
from hilum.features.feature_store import CHUNK, DTYPE, store_for
from hilum.places import cache_folder
from hilum.progress import track
from hilum.recipe import Augment, Model, Pixels
from hilum.rows import OpenRows, fill_together
from hilum.workers import batched

BATCH_SIZE = CHUNK  # films at a time: early maps are large
_CROPS = 1  # the stream from which crops are drawn


def extract_features(
    frozen: nn.Sequential,
    films: FilmBatches,
    model: Model,
    pixels: Pixels,
    *,
    views: int = 0,
    seed: int = 1,
    also: Sequence[str] = (),
    bfloat16: bool = False,
    device: torch.device | None = None,
    folder: Path | None = None,
) -> FeatureBatches:
    """Compute the features that the store does not hold yet, and open them.

    A pass that was killed is resumed. A film's view depends on the seed, its number and the film alone, so more films
    or more views later leave what is stored as it is.

    Args:
        frozen: named stages from grey films to features, as `Network.split` gives them.
        films: the films, with their crops and their augmentation.
        model: the network that the stages are part of.
        pixels: the films' preprocessing.
        views: how many augmented views of each film, in addition to the film itself.
        seed: of the views' random draws.
        also: earlier stages whose maps are stored in the same pass, for a run that trains the stages after them.
        bfloat16: compute in it.
        device: compute there; by default on the CPU.
        folder: where stores are kept; by default where caches are.

    Raises:
        RequestError: `also` names a stage that `frozen` does not have, or the features cannot be kept.
        HilumError: a feature is too large for float16.
    """
    refuse_unknown_stages(frozen, also)
    names = [name for name, _ in frozen.named_children()]
    folder, home = folder or cache_folder(), next(frozen.parameters()).device
    device = device or torch.device("cpu")
    cuts = [cut for cut, name in enumerate(names, start=1) if name in also or cut == len(names)]
    side = films.spec.crop or pixels.size
    stores = [store_for(frozen[:cut], model, pixels, side, bfloat16=bfloat16, folder=folder) for cut in cuts]
    hashes = [film.sha256 for film in films.manifest]
    frozen.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    opened: list[OpenRows] = []
    try:
        for number in range(views + 1):
            rows = [store.view(number, films.spec, seed) for store in stores]
            one_pass = _Pass(frozen, films, cuts, number, seed, bfloat16, device)
            opened.append(fill_together(rows, hashes, one_pass.features, folder / "features")[-1])
    finally:
        frozen.to(home)
    return FeatureBatches(
        films, tuple((rows, np.array([row_of[sha256] for sha256 in hashes], np.int64)) for rows, row_of in opened)
    )


def refuse_unknown_stages(frozen: nn.Sequential, also: Sequence[str]) -> None:
    """Raise RequestError where `transfer.also` names a stage that is not among the frozen ones."""
    names = [name for name, _ in frozen.named_children()]
    if unknown := [name for name in also if name not in names]:
        raise RequestError(f"transfer.also: '{unknown[0]}' is not among the frozen stages {', '.join(names[1:])}")


@dataclass(frozen=True, slots=True)
class _Pass:
    """One view of each film through the frozen stages, of some of which the output is stored."""

    frozen: nn.Sequential
    films: FilmBatches
    cuts: list[int]  # how many stages each stored output comes after
    view: int
    seed: int
    bfloat16: bool
    device: torch.device

    def features(self, wanted: list[str]) -> Generator[tuple[str, list[NDArray[np.float16]]]]:
        """Yield the SHA-256 of each wanted film and its row for each cut."""
        row_of = {film.sha256: row for film, row in zip(self.films.manifest, self.films.rows, strict=True)}
        batches = list(batched(wanted, BATCH_SIZE))
        for hashes in track(batches, f"features, view {self.view}", len(batches)):
            grey = torch.from_numpy(self.films.cache.films[[row_of[sha256] for sha256 in hashes]])
            images = self._cropped(grey[:, None].float() / 255, hashes)
            outputs = self._forward(self._augmented(images, hashes), hashes)
            for number, sha256 in enumerate(hashes):
                yield sha256, [output[number] for output in outputs]

    def _cropped(self, images: Tensor, hashes: list[str]) -> Tensor:
        """The crop of each image in this pass: its centre, or what was drawn; the image itself without crops."""
        spec, size = self.films.spec, images.shape[-1]
        if not spec.crop:
            return images
        if self.view == 0:
            return cut(center_crops(spec, len(images), size), images)
        # A stream of their own: views that are drawn without crops stay as they are stored.
        drawn = [draw_crops(spec, 1, size, self._generator(sha256, _CROPS)) for sha256 in hashes]
        sides, tops, lefts = (torch.cat([getattr(one, name) for one in drawn]) for name in ("sides", "tops", "lefts"))
        return cut(Crops(sides, tops, lefts, spec.crop), images)

    def _augmented(self, images: Tensor, hashes: list[str]) -> Tensor:
        """The images in this pass's view."""
        augment, size = self.films.spec.augment, images.shape[-1]
        if self.view == 0 or augment == Augment():
            return images
        drawn = [draw(augment, 1, size, self._generator(sha256)) for sha256 in hashes]
        views = Views(*(torch.cat([getattr(one, field.name) for one in drawn]) for field in fields(Views)))
        return apply(views, images)

    def _generator(self, sha256: str, *stream: int) -> torch.Generator:
        """Of what is drawn for one film, which depends on no other film."""
        return make_generator(self.seed, self.view, int(sha256[:16], 16), *stream)

    @torch.inference_mode()
    def _forward(self, images: Tensor, hashes: list[str]) -> list[NDArray[Any]]:
        """The output at each cut: (n, *shape) float16."""
        # Always the same shape: another one may be summed in another order, and a film's features would depend on
        # which films a killed pass had left over.
        padding = images.new_zeros(BATCH_SIZE - len(images), *images.shape[1:])
        maps, outputs = torch.cat([images, padding]).to(self.device), []
        for number, stage in enumerate(self.frozen, start=1):
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16):
                maps = stage(maps)
            if number not in self.cuts:
                continue
            with np.errstate(over="ignore"):
                rows = maps[: len(hashes)].float().cpu().contiguous().numpy().astype(DTYPE)
            if not np.isfinite(rows).all():
                raise HilumError(
                    f"a feature of {hashes[0]} is not finite in float16; these weights expect another preprocessing "
                    "(model.normalise), or are damaged"
                )
            outputs.append(rows)
        return outputs
