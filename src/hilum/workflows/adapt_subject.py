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
    from hilum.adaptation.held_out import Answers
    from hilum.batches import FilmBatches
    from hilum.bundle import Bundle
    from hilum.bundle.adapted import Rung
    from hilum.metrics.counts import Floats
    from hilum.models import Network

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
    """

    opened: Bundle
    deployed: Deployed
    manifest: Manifest
    films: LabelledFilms
    given: list[Floats]
    whole: FilmBatches | None

    @staticmethod
    def of(opened: Bundle, manifest: Manifest, films: LabelledFilms) -> Subject:
        """Predict the films.

        Raises:
            BundleError: the weights of the bundle are damaged.
        """
        deployed = open_deployed(opened)
        if isinstance(deployed, DeployedNetworks):
            from hilum.adaptation.networks import predict_films

            whole = whole_films(manifest, films.classes, films.recipe, deployed.lungs)
            return Subject(
                opened, deployed, manifest, films, predict_films(deployed.payload.model, whole, films.recipe), whole
            )
        from hilum import pixels
        from hilum.bundle import lung_finder

        cache = pixels.cache(manifest, films.recipe.pixels, lungs=lung_finder(opened))
        rows = cache.rows(manifest)
        probs = deployed.payload.probs(cache.films[rows], None if cache.lungs is None else cache.lungs[rows])
        return Subject(opened, deployed, manifest, films, [probs], None)

    @property
    def before(self) -> Answers:
        """What the detector says of the films as it is."""
        from hilum.adaptation.held_out import answers
        from hilum.confidence import calibrated

        spec = self.opened.spec
        return answers(calibrated(spec.calibration, self.given[0]), spec.operating_point.threshold)

    def candidates(self, most: Rung) -> list[Candidate]:
        """What may be fitted to so many films, at most up to a rung; the one that changes least first."""
        from hilum.adaptation import Unchanged
        from hilum.bundle.adapted import RUNGS

        found: list[Candidate] = [Unchanged(self.given)]
        network, height = self._network(), RUNGS.index(most)
        if height and (why := self._fixed()):
            logger.info(f"note: {why}: its weights stay, and calibration, threshold and prediction sets are adapted")
        if network is None or self.whole is None:
            return found
        from hilum.adaptation.last_layer import PENALTIES
        from hilum.adaptation.networks import LastLayer, Penultimate, WholeNetwork, last_linear, shows_whole_films

        if (
            height >= 1
            and len(self.manifest) >= LAST_LAYER_FROM
            and last_linear(network)
            and shows_whole_films(network, self.films.recipe)
        ):
            inputs = Penultimate(network, self.whole, self.films.recipe)
            found += [LastLayer(inputs, self.films, penalty) for penalty in PENALTIES]
        if height >= 2 and len(self.manifest) >= WHOLE_NETWORK_FROM:
            found.append(WholeNetwork(network, self.whole, self.films))
        return found

    def write(self, choice: Choice, held_out: HeldOut, folder: Path) -> None:
        """Write the adapted detector as a bundle.

        Args:
            choice: made on all films; it is no longer the detector as it is.
            held_out: what adapting is worth.
            folder: the bundle's.
        """
        from hilum.adaptation.choice import decide
        from hilum.bundle import Adaptation
        from hilum.bundle.seal import data_fingerprint, split_card
        from hilum.bundle.write import rewrite

        assert choice.candidate is not None
        payload, rung, films = self.deployed.payload, choice.candidate.rung, self.films
        if rung == "decisions":
            decisions = self.deployed.fit_decisions(self.manifest, films.classes, films.recipe)
        else:
            from hilum import training
            from hilum.adaptation.networks import FittedNetwork, shown
            from hilum.bundle.network_payload import NetworkPayload

            assert self.whole is not None
            assert isinstance(self.deployed, DeployedNetworks)
            everyone = np.arange(len(films.labels))
            fitted = choice.candidate.fit(everyone)
            assert isinstance(fitted, FittedNetwork)
            payload = NetworkPayload([fitted.network], films.recipe, lungs=self.deployed.lungs)
            decisions = decide(choice.probs, films, everyone)
            decisions = training.with_controls(decisions, shown(choice.folds, self.whole, films), films.recipe)
        card = split_card(self.manifest)
        adaptation = Adaptation(
            films=card.films,
            patients=card.patients,
            rung=rung,
            base=self.opened.spec.seal,
            data_fingerprint=data_fingerprint(self.manifest),
            before=held_out.before,
            after=held_out.after,
            gain=held_out.gain,
        )
        rewrite(self.opened, payload, folder, recipe=films.recipe, decisions=decisions, adaptation=adaptation)
        log_sets(decisions, films.classes)

    def _network(self) -> Network | None:
        """The network whose weights may be fitted; None where they stay."""
        from hilum.bundle.weights import load_networks

        return None if self._fixed() else load_networks(self.opened)[0]

    def _fixed(self) -> str:
        """Why the detector's weights stay as they are; empty where they may be fitted."""
        recipe = self.opened.spec.recipe
        if recipe.classical:
            return f"{recipe.name} is a system without a network"
        if self.deployed.payload.members:
            return f"{recipe.name} is an ensemble of several networks"
        return ""
