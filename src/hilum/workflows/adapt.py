"""A detector for another hospital: fitted to its films as far as these allow, kept where that is not better."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import RecipeError, RequestError
from hilum.extras import require
from hilum.locks import one_writer
from hilum.records import Figure, Manifest, text_table, write_manifest
from hilum.workflows.adapt_films import films_to_adapt_on
from hilum.workflows.adapt_gate import adapt_gate
from hilum.workflows.adapt_subject import Subject
from hilum.workflows.deployed import log_few_films
from hilum.workflows.run import free_folder
from hilum.workflows.seen_films import films_of_run

if TYPE_CHECKING:
    from hilum.adaptation import LabelledFilms
    from hilum.bundle import Bundle
    from hilum.bundle.adapted import GateChange, Rung

logger = logging.getLogger("hilum")


@dataclass(frozen=True, slots=True, repr=False)
class Adapted:
    """What adapting a detector came to; at a prompt it shows the figures before and after.

    Attributes:
        bundle: the folder of the detector to use: the adapted one, or a copy of the old one.
        rung: what was fitted: `decisions`, `last layer` or `whole network`; None where the old detector was kept.
        films: how many it was tried on.
        patients: how many they are of; 0 where nobody knows.
        before: figures of the old detector on these films, with 95% intervals over patients.
        after: the same of what adapting made of it, each film predicted without its patient.
        gain: by how much the Brier score is lower after, with the interval of the paired difference.
        worst_class_gain: by how much the share of right answers is higher in the class that has fewest
            (`worst_class`), likewise; a threshold that is off shows there.
        gate: what the gate lets pass that has learnt from these films too; None where the old one was kept.
    """

    bundle: Path
    rung: Rung | None
    films: int
    patients: int
    before: dict[str, Figure]
    after: dict[str, Figure]
    gain: Figure
    worst_class_gain: Figure
    gate: GateChange | None = None

    @property
    def sentence(self) -> str:
        """Whether the detector was replaced, and why, in one sentence."""
        lower = f"on {self.films} films of yours, held out in turn, its Brier score is lower by {self.gain}"
        if self.rung and (self.gain.low is None or self.gain.low <= 0):
            lower = (
                f"on {self.films} films of yours, held out in turn, the share of right answers in the class that has "
                f"fewest is higher by {self.worst_class_gain}"
            )
        of_gate = ""
        if self.gate:
            shares = f"the share of those held out that pass is {self.gate.after}, and was {self.gate.before}"
            of_gate = f" Its gate has learnt from them too: {shares}."
        if self.rung is None:
            return f"The old detector is kept, since no adapted one is shown to be better: {lower}.{of_gate}"
        from hilum.bundle.adapted import IN_WORDS

        return f"Adapted: {IN_WORDS[self.rung]}; {lower}.{of_gate}"

    def __repr__(self) -> str:
        rows = [[name, str(self.before[name]), str(self.after[name])] for name in self.before]
        table = text_table(["on held-out films", "before", "adapted"], rows)
        return f"{self.bundle}, {self.films} films\n{table}\n{self.sentence}"


@one_writer("out")
def adapt(
    bundle: str | Path,
    films: Manifest | str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    *,
    settings: Sequence[str] = (),
    up_to: str = "whole network",
    class_names: Mapping[str, Sequence[str]] | None = None,
) -> Adapted:
    """Adapt a detector to labelled films of another hospital; where that is not shown to be better, keep the old one.

    How much is fitted depends on how many films there are: calibration, threshold and prediction sets with any
    number; the last layer too from 50 films on; the whole network from 200 on. Of these, the one is taken that does
    best by cross-validation over patients, and the whole procedure is measured on patients that it has not seen. The
    detector is replaced only where its Brier score there is shown to be lower: where the 95% interval of the paired
    difference lies above zero. Where it is not, calibration, threshold and sets alone replace the old ones if the
    share of right answers in the class that has fewest is shown to be higher. Ensembles, systems without a network
    and networks that are shown crops keep their weights.

    The gate is extended by these films apart from that, with any number of them, where on films held out more are
    shown to pass than before, and pictures that it is to stop are not shown to pass more often.

    Args:
        bundle: the bundle's folder, or `shipped`.
        films: a manifest, or what `index` takes, with labels. Films of a split called `test` are left for measuring.
        out: gets the new bundle, in `out/bundle`, and `manifest.csv`; without it `runs/NAME-adapted`, or the first of
            `runs/NAME-adapted-2` and so on that is free.
        settings: how calibration and threshold are chosen, each `bundle.KEY=VALUE`; without one
            `bundle.calibration=best`, on the films as they are (`bundle.operating_views=0`).
        up_to: the most that is tried: `decisions`, `last layer` or `whole network`.
        class_names: as for `hilum.index`.

    Returns:
        What came of it. Figures of the detector's first hospital no longer hold for an adapted one.

    Raises:
        BundleError: the bundle is incomplete or was changed.
        LayoutError: the films cannot be found.
        RecipeError: a setting is not one of `[bundle]`.
        RequestError: `out` holds a bundle already, a label is none of the bundle's, or the films are too few: of each
            class, films of five patients are needed that can be read and that the detector has not learnt from.
    """
    from hilum import adaptation
    from hilum import bundle as bundles
    from hilum.bundle.adapted import RUNGS
    from hilum.bundle.write import copy
    from hilum.films import labels_of
    from hilum.recipe import with_settings

    most = next((rung for rung in RUNGS if rung == up_to), None)
    if most is None:
        raise RequestError(f"up to '{up_to}': there is no such rung; name one of {', '.join(RUNGS)}")
    opened = bundles.read(bundle)
    run = Path(out) if out is not None else free_folder(f"{opened.spec.recipe.name}-adapted", "bundle")
    if (run / "bundle").exists():
        raise RequestError(f"{run}: holds a bundle already; name another --out")
    require("evaluate" if opened.spec.recipe.classical else "train", "adapting")
    for setting in settings:
        if not setting.startswith("bundle."):
            raise RecipeError(f"--set {setting}: adapting takes settings of [bundle] alone; set bundle.KEY=VALUE")
    # Drawn views and shifts are harder than a hospital's own films, and would set a threshold that is off for these.
    on_films = ("bundle.calibration=best", "bundle.calibrated_under=[]", "bundle.operating_views=0")
    recipe = with_settings(opened.spec.recipe, (*on_films, *settings))
    manifest = films_to_adapt_on(opened, films, recipe, class_names)
    classes = opened.spec.classes
    given = adaptation.LabelledFilms(
        labels_of(manifest, classes).astype(np.intp), tuple(film.patient for film in manifest), classes, recipe
    )
    _refuse_few_patients(given)
    log_few_films(manifest, classes)
    subject = Subject.of(opened, manifest, given)
    candidates = subject.candidates(most)
    held_out = adaptation.cross_validate(candidates, subject.before, given)
    everyone = np.arange(len(given.labels))
    chosen = None
    if held_out.is_better:
        cheaper = [candidate for candidate in candidates if candidate.rung != "whole network"]
        chosen = held_out.choice or adaptation.choose(cheaper, subject.before.probs, given, everyone)
    rung = chosen.candidate.rung if chosen and chosen.candidate else None
    folder = run / "bundle"
    gate = adapt_gate(opened, manifest, given)
    if rung is None and gate is None:
        copy(opened, folder)
    else:
        subject.write(chosen if rung else None, held_out, gate, folder)
    learnt = rung or ("decisions" if gate else None)
    write_manifest(_record(opened, manifest, learnt), run / "manifest.csv")
    patients = len({film.patient for film in manifest if film.patient})
    adapted = Adapted(
        folder,
        rung,
        len(manifest),
        patients,
        held_out.before,
        held_out.after,
        held_out.gain,
        held_out.worst_class_gain,
        gate.change if gate else None,
    )
    logger.info(f"{folder}: {adapted.sentence}")
    return adapted


def _refuse_few_patients(films: LabelledFilms) -> None:
    """Raise RequestError where a class has fewer patients than there are folds."""
    from hilum.adaptation import OUTER_FOLDS

    name, patients = films.fewest_patients()
    if patients < OUTER_FOLDS:
        raise RequestError(
            f"adapting holds out patients in {OUTER_FOLDS} parts, and of {name} there are films of "
            f"{patients} patient{'s' * (patients != 1)}; give films of {OUTER_FOLDS} patients or more of each class"
        )


def _record(opened: Bundle, manifest: Manifest, learnt: Rung | None) -> Manifest:
    """The films that the bundle in the run's folder has to do with: those it has learnt from are of split `train`."""
    split = {None: "", "decisions": "val"}.get(learnt, "train")
    seen = films_of_run(opened.folder)
    return Manifest((*seen, *(replace(film, split=split) for film in manifest)))
