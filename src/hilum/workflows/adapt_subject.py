"""The detector that is adapted: what may be fitted of it, what it says as it is, how the new one is written."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hilum.records import Manifest
from hilum.workflows.deployed import Deployed, DeployedNetworks, log_sets, open_deployed, whole_films

if TYPE_CHECKING:
    from hilum.adaptation import Candidate, Choice, HeldOut, LabelledFilms
    from hilum.adaptation.answers import Answers
    from hilum.adaptation.networks import Penultimate
    from hilum.batches import FilmBatches
    from hilum.bundle import Bundle
    from hilum.bundle.adapted import Rung
    from hilum.metrics.counts import Floats
    from hilum.models import Network
    from hilum.recipe import Recipe
    from hilum.workflows.adapt_gate import AdaptedGate

logger = logging.getLogger("hilum")

LAST_LAYER_FROM = 50  # films
WHOLE_NETWORK_FROM = 200


@dataclass(frozen=True, slots=True)
class Subject:
    """An opened bundle and the films that it is adapted on.

    Attributes:
        opened: the bundle.
        deployed: what it deploys.
        manifest: the films.
        films: their labels and patients.
        given: probabilities of them as they are and of each view of them, each (n, classes), not calibrated.
        whole: the films as its network is shown them; None without a network.
        network: whose weights may be fitted; None where they stay.
        inputs: of that network's last layer; None where that is not fitted alone.
    """

    opened: Bundle
    deployed: Deployed
    manifest: Manifest
    films: LabelledFilms
    given: list[Floats]
    whole: FilmBatches | None = None
    network: Network | None = None
    inputs: Penultimate | None = None

    @staticmethod
    def of(opened: Bundle, manifest: Manifest, films: LabelledFilms) -> Subject:
        """Predict the films.

        Raises:
            BundleError: the weights of the bundle are damaged.
        """
        deployed, recipe = open_deployed(opened), films.recipe
        if not isinstance(deployed, DeployedNetworks):
            return Subject(opened, deployed, manifest, films, [_probs(opened, deployed, manifest, recipe)])
        from hilum.adaptation.networks import Penultimate, last_linear, predict_films, shows_whole_films
        from hilum.bundle.weights import load_networks

        whole = whole_films(manifest, films.classes, recipe, deployed.lungs)
        network = None if deployed.payload.members else load_networks(opened)[0]
        if network is None or last_linear(network) is None or not shows_whole_films(network, recipe):
            given = predict_films(deployed.payload.model, whole, recipe)
            return Subject(opened, deployed, manifest, films, given, whole, network)
        inputs = Penultimate(network, whole, recipe)
        return Subject(opened, deployed, manifest, films, inputs.probs(), whole, network, inputs)

    @property
    def before(self) -> Answers:
        """What the detector says of the films as it is."""
        from hilum.adaptation.answers import answers
        from hilum.confidence import calibrated

        spec = self.opened.spec
        return answers(calibrated(spec.calibration, self.given[0]), spec.operating_point.threshold)

    def candidates(self, most: Rung) -> list[Candidate]:
        """What may be fitted to so many films, at most up to a rung; the one that changes least first."""
        from hilum.adaptation import Unchanged
        from hilum.bundle.adapted import RUNGS

        found: list[Candidate] = [Unchanged(self.given)]
        height = RUNGS.index(most)
        if height and self.network is None:
            kind = "an ensemble of several networks" if self.whole else "a system without a network"
            logger.info(
                f"note: {self.opened.spec.recipe.name} is {kind}: its weights stay, and calibration, threshold and "
                "prediction sets are adapted"
            )
        from hilum.adaptation.last_layer import PENALTIES

        if height >= 1 and self.inputs is not None and len(self.manifest) >= LAST_LAYER_FROM:
            from hilum.adaptation.networks import LastLayer

            found += [LastLayer(self.inputs, self.films, penalty) for penalty in PENALTIES]
        if height >= 2 and self.network and self.whole and len(self.manifest) >= WHOLE_NETWORK_FROM:
            from hilum.adaptation.networks import WholeNetwork

            found.append(WholeNetwork(self.network, self.whole, self.films))
        return found

    def write(self, choice: Choice | None, held_out: HeldOut, gate: AdaptedGate | None, folder: Path) -> None:
        """Write the adapted detector as a bundle.

        Args:
            choice: made on all films, of a candidate; None keeps the detector as it is, but for its gate.
            held_out: what adapting is worth.
            gate: replaces the detector's; None keeps that.
            folder: the bundle's.
        """
        from hilum.adaptation.choice import decide
        from hilum.bundle import Adaptation
        from hilum.bundle.seal import data_fingerprint, split_card
        from hilum.bundle.write import rewrite

        payload, films, recipe, decisions = self.deployed.payload, self.films, self.films.recipe, None
        candidate = choice.candidate if choice else None
        if choice is None or candidate is None:
            recipe = self.opened.spec.recipe
        elif candidate.rung == "decisions":
            decisions = self.deployed.fit_decisions(self.manifest, films.classes, films.recipe)
        else:
            from hilum import training
            from hilum.adaptation.networks import FittedNetwork, shown
            from hilum.bundle.network_payload import NetworkPayload

            assert self.whole is not None
            assert isinstance(self.deployed, DeployedNetworks)
            everyone = np.arange(len(films.labels))
            fitted = candidate.fit(everyone)
            assert isinstance(fitted, FittedNetwork)
            payload = NetworkPayload([fitted.network], films.recipe, lungs=self.deployed.lungs)
            decisions = decide(choice.probs, films, everyone)
            decisions = training.with_controls(decisions, shown(choice.folds, self.whole, films), films.recipe)
        card = split_card(self.manifest)
        adaptation = Adaptation(
            films=card.films,
            patients=card.patients,
            rung=candidate.rung if candidate else None,
            base=self.opened.spec.seal,
            data_fingerprint=data_fingerprint(self.manifest),
            before=held_out.before,
            after=held_out.after,
            gain=held_out.gain,
            worst_class_gain=held_out.worst_class_gain,
            gate=gate.change if gate else None,
        )
        new_gate = gate.gate if gate else None
        rewrite(
            self.opened, payload, folder, recipe=recipe, decisions=decisions, gate=new_gate, adaptation=adaptation
        )
        if decisions:
            log_sets(decisions, films.classes)


def _probs(opened: Bundle, deployed: Deployed, manifest: Manifest, recipe: Recipe) -> Floats:
    """What a system without a network gives for films: (n, classes), not calibrated."""
    from hilum import pixels
    from hilum.bundle import lung_finder

    cache = pixels.cache(manifest, recipe.pixels, lungs=lung_finder(opened))
    rows = cache.rows(manifest)
    return deployed.payload.probs(cache.films[rows], None if cache.lungs is None else cache.lungs[rows])
