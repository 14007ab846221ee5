"""Pushing each film through the frozen stages once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hilum.batches import FilmBatches, Views, apply, draw, make_generator
from hilum.errors import HilumError, RequestError
from hilum.features.batches import FeatureBatches
from hilum.features.store import DTYPE, Store, store_for
from hilum.files import cache_folder
from hilum.progress import track
from hilum.recipe import Augment, Model, Pixels
from hilum.rows import Writer, only_builder

TOGETHER = 8  # films at a time: early maps are large, and a killed pass loses what it had in hand


def compute(
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

    A pass that was killed goes on where it was. A film's view depends on the seed, its number and the film
    alone, so more films or more views later leave what is stored as it is.

    Args:
        frozen: named stages from grey films to features, as `Network.split` gives them.
        films: to be pushed through, with their augmentation.
        model: the network that the stages are part of.
        pixels: the films' preprocessing.
        views: how many drawn views beside the film itself.
        seed: where the views' draws start.
        also: stages on the way whose maps are stored in the same pass, for a run that lets learn what is behind them.
        bfloat16: compute in it.
        device: compute there; by default on the CPU.
        folder: where stores are kept; by default where caches are.

    Raises:
        RequestError: a stage that is not on the way, or the features cannot be kept.
        HilumError: a feature is too large for float16.
    """
    refuse_unknown_stages(frozen, also)
    names = [name for name, _ in frozen.named_children()]
    folder, home = folder or cache_folder(), next(frozen.parameters()).device
    device = device or torch.device("cpu")
    cuts = [cut for cut, name in enumerate(names, start=1) if name in also or cut == len(names)]
    stores = {cut: store_for(frozen[:cut], model, pixels, bfloat16=bfloat16, folder=folder) for cut in cuts}
    frozen.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        for view in range(views + 1):
            _Pass(frozen, films, stores, view, seed, bfloat16, device).fill(folder)
    except OSError as error:
        raise RequestError(
            f"{folder}: the features cannot be kept ({error.strerror or error}); make room, or set HILUM_CACHE to a "
            "folder that has it; what is stored already is not computed again"
        ) from None
    finally:
        frozen.to(home)
    hashes, last = [film.sha256 for film in films.manifest], stores[len(names)]
    opened = (last.open(last.view_folder(view, films.spec.augment, seed), hashes) for view in range(views + 1))
    return FeatureBatches(films, tuple(opened))


def refuse_unknown_stages(frozen: nn.Sequential, also: Sequence[str]) -> None:
    """Raise RequestError where `transfer.also` names a stage that is not on the way."""
    names = [name for name, _ in frozen.named_children()]
    if unknown := [name for name in also if name not in names]:
        raise RequestError(f"transfer.also: '{unknown[0]}' is not among the frozen stages {', '.join(names[1:])}")


@dataclass(frozen=True, slots=True)
class _Pass:
    """One view of every film through the frozen stages, with a store behind some of them."""

    frozen: nn.Sequential
    films: FilmBatches
    stores: dict[int, Store]
    view: int
    seed: int
    bfloat16: bool
    device: torch.device

    def fill(self, folder: Path) -> None:
        """Compute what any of the stores lacks."""
        if not any(self._missing().values()):
            return
        with only_builder(folder / "features"):
            missing = self._missing()
            wanted = list(dict.fromkeys(sha256 for lacking in missing.values() for sha256 in lacking))
            row_of = {film.sha256: row for film, row in zip(self.films.manifest, self.films.rows, strict=True)}
            writers = {cut: Writer(self._place(cut), store.row_bytes) for cut, store in self.stores.items()}
            chunks = [wanted[start : start + TOGETHER] for start in range(0, len(wanted), TOGETHER)]
            try:
                for chunk in track(chunks, f"features, view {self.view}", len(chunks)):
                    grey = torch.from_numpy(self.films.cache.films[[row_of[sha256] for sha256 in chunk]])
                    self._push(self._seen(grey[:, None].float() / 255, chunk), chunk, writers, missing)
            finally:
                for writer in writers.values():
                    writer.close()

    def _place(self, cut: int) -> Path:
        place = self.stores[cut].view_folder(self.view, self.films.spec.augment, self.seed)
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _missing(self) -> dict[int, dict[str, None]]:
        """The films that each store lacks, once each, in the manifest's order."""
        hashes = [film.sha256 for film in self.films.manifest]
        return {cut: dict.fromkeys(store.missing(self._place(cut), hashes)) for cut, store in self.stores.items()}

    def _seen(self, films: Tensor, hashes: list[str]) -> Tensor:
        """The films in this pass's view."""
        augment, size = self.films.spec.augment, films.shape[-1]
        if self.view == 0 or augment == Augment():
            return films
        drawn = [
            draw(augment, 1, size, make_generator(self.seed, self.view, int(sha256[:16], 16))) for sha256 in hashes
        ]
        views = Views(*(torch.cat([getattr(one, field.name) for one in drawn]) for field in fields(Views)))
        return apply(views, films)

    @torch.inference_mode()
    def _push(
        self, films: Tensor, hashes: list[str], writers: dict[int, Writer], missing: dict[int, dict[str, None]]
    ) -> None:
        """Through the stages, storing behind those that have a store."""
        # Always the same shape: another one may be summed in another order, and a film's features would depend on
        # which films a killed pass had left over.
        maps = torch.cat([films, films.new_zeros(TOGETHER - len(films), *films.shape[1:])]).to(self.device)
        for cut, stage in enumerate(self.frozen, start=1):
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16):
                maps = stage(maps)
            if cut not in writers:
                continue
            with np.errstate(over="ignore"):
                rows = maps[: len(hashes)].float().cpu().contiguous().numpy().astype(DTYPE)
            if not np.isfinite(rows).all():
                raise HilumError(
                    f"a feature of {hashes[0]} is not finite in float16; these weights expect another preprocessing "
                    "(model.normalise), or are damaged"
                )
            new = [number for number, sha256 in enumerate(hashes) if sha256 in missing[cut]]
            writers[cut].append([hashes[number] for number in new], rows[new])
