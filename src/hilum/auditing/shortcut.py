"""Shortcut probes: how well a label is predicted without a look at a lung (Geirhos et al., Nat Mach Intell 2020).

A small classifier, cross-validated by patient, predicts the label from facts of the file, from those and the film's
borders, letters and grey levels, from what preprocessing leaves of these, and from the rim of the film alone. What it
can do, a network can do too, and validation figures will not show it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hilum.auditing.facts import FILE_GROUPS, GROUPS, PICTURE_GROUPS, FactGroup, Facts, grouped
from hilum.auditing.finding import Finding
from hilum.auditing.out_of_fold import Floats, Folds, auroc_of_fact, most_separable_class, out_of_fold
from hilum.metrics import auroc
from hilum.records import Figure

Value = float | str | None

GIVEN_AWAY = 0.8  # lower ends of the AUROC's interval, from which on the finding is an error
SUSPICIOUS = 0.6  # or a warning
_RIM_SUSPICIOUS = 0.7  # a rim of 6% holds shoulders and the tips of some lungs
_CELLS = 16  # along each side; the rim is one cell wide
_SHOWN = 3  # facts named in a sentence


class Carrier(Struct, frozen=True):
    """What one group of facts contributes to a probe.

    Attributes:
        name: the group, such as `JPEG quantisation`.
        alone: the AUROC of a classifier that is given only these facts.
        drop: by how much the whole probe's AUROC falls when these facts are permuted among films.
        typical: for each fact of the group that varies, the most informative one first, each class's median, or its
            most frequent word.
    """

    name: str
    alone: float
    drop: float
    typical: Mapping[str, Mapping[str, Value]]


class Probe(Struct, frozen=True, rename={"best_class": "told"}):
    """How well facts tell the classes apart.

    Attributes:
        name: `file`, `before`, `after` (preprocessing) or `rim`.
        best_class: the class that is predicted best; of two, the last (`told` in audit.json).
        auroc: of that class against the others, out of fold, with a 95% interval over patients.
        carriers: the groups of facts, the most informative one first; none for the rim.
    """

    name: str
    best_class: str
    auroc: Figure
    carriers: tuple[Carrier, ...] = ()

    @property
    def low(self) -> float:
        """The lower end of the AUROC's interval; a perfect AUROC has no interval."""
        return (self.auroc.low if self.auroc.low is not None else self.auroc.value) or 0.0


def probe_all(
    before: Sequence[Facts], after: Sequence[Facts], squares: NDArray[np.uint8], folds: Folds
) -> dict[str, Probe | None]:
    """Run the four probes; one whose facts are the same for all films is None.

    Args:
        before: of each film, the facts of file and picture as they are.
        after: those of the preprocessed square.
        squares: (films, side, side) uint8.
        folds: the films' labels and patients, in the same order.
    """
    rim_probs, _ = out_of_fold(folds, rim(squares), _classifier(len(before)))
    return {
        "file": _probe("file", before, FILE_GROUPS, folds),
        "before": _probe("before", before, GROUPS, folds),
        "after": _probe("after", after, PICTURE_GROUPS, folds),
        "rim": Probe("rim", *most_separable_class(folds, rim_probs)),
    }


def findings_of(probes: Mapping[str, Probe | None], classes: Sequence[str]) -> list[Finding]:
    """A line for each probe that matters."""
    found = []
    if (file := probes["file"]) and file.low >= SUSPICIOUS:
        found.append(
            Finding(
                "shortcut",
                "error" if file.low >= GIVEN_AWAY else "warning",
                f"facts of the file alone tell {_against(file, classes)} with an AUROC of {_figure(file.auroc)}: "
                f"{_carried(file.carriers)}; a network can learn the camera instead of the lung: decode, scale and "
                "save all films the same way, train with JPEG augmentation, and test on films from elsewhere",
            )
        )
    if (edge := probes["rim"]) and edge.low >= _RIM_SUSPICIOUS:
        found.append(
            Finding(
                "shortcut_rim",
                "warning",
                f"the outer 6% of the film, with hardly any lung in it, tells {_against(edge, classes)} with an "
                f"AUROC of {_figure(edge.auroc)}: the framing of films depends on the label; crop (pixels.crop), "
                "augment with shifts and zoom, and test on films from elsewhere",
            )
        )
    before, after = probes["before"], probes["after"]
    if before and before.low >= SUSPICIOUS:
        left = f"; after preprocessing {_figure(after.auroc)}: {_carried(after.carriers)}" if after else ""
        found.append(
            Finding(
                "facts",
                "note",
                f"file, borders, letters and grey levels together tell {_against(before, classes)} with an AUROC of "
                f"{_figure(before.auroc)}: {_carried(before.carriers)}{left}; part of the grey levels and of the "
                "bytes is what the films show, so a model has to be clearly better than this",
            )
        )
    return found


def rim(squares: NDArray[np.uint8]) -> Floats:
    """The mean grey of each of the 60 cells along the edge, (films, 60)."""
    edge = np.ones((_CELLS, _CELLS), dtype=bool)
    edge[1:-1, 1:-1] = False
    cells = [cv2.resize(square, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA) for square in squares]
    return np.stack(cells)[:, edge].astype(np.float64)


def _probe(name: str, films: Sequence[Facts], wanted: Mapping[str, tuple[str, ...]], folds: Folds) -> Probe | None:
    groups = grouped(films, wanted)
    if not groups:
        return None
    make = _classifier(len(films))
    ends = np.cumsum([0, *(len(group.facts) for group in groups)])
    columns = [list(range(start, end)) for start, end in pairwise(ends)]
    probs, permuted = out_of_fold(folds, np.column_stack([group.values for group in groups]), make, columns)
    best_class, auroc = most_separable_class(folds, probs)
    carriers = [
        Carrier(
            group.name,
            _auroc(folds, out_of_fold(folds, group.values, make)[0], best_class),
            (auroc.value or 0.0) - _auroc(folds, without, best_class),
            _typical(films, group, folds, best_class),
        )
        for group, without in zip(groups, permuted, strict=True)
    ]
    return Probe(name, best_class, auroc, tuple(sorted(carriers, key=lambda carrier: -carrier.alone)))


def _classifier(films: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    leaf = int(np.clip(films // 25, 3, 20))

    def make() -> Any:
        return HistGradientBoostingClassifier(
            max_iter=30,
            learning_rate=0.2,
            max_leaf_nodes=15,
            min_samples_leaf=leaf,
            early_stopping=False,
            random_state=0,
        )

    return make


def _auroc(folds: Folds, probs: Floats, best_class: str) -> float:
    number = folds.classes.index(best_class)
    return float(auroc(folds.labels == number, probs[:, number]))


def _typical(films: Sequence[Facts], group: FactGroup, folds: Folds, best_class: str) -> dict[str, dict[str, Value]]:
    is_best_class = folds.labels == folds.classes.index(best_class)
    informative = np.array([auroc_of_fact(is_best_class, column) for column in group.values.T])
    typical = {}
    for place in np.argsort(-informative, kind="stable"):
        fact = group.facts[place]
        typical[fact] = {
            name: _median_or_mode([each[fact] for each, label in zip(films, folds.labels, strict=True)
                           if label == number and fact in each])
            for number, name in enumerate(folds.classes)
        }  # fmt: skip
    return typical


def _median_or_mode(values: list[float | str]) -> Value:
    if not values:
        return None
    if any(isinstance(value, str) for value in values):
        return Counter(str(value) for value in values).most_common(1)[0][0]
    known = np.array(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    return round(float(np.median(known)), 4) if known.size else None


def _against(probe: Probe, classes: Sequence[str]) -> str:
    others = [name for name in classes if name != probe.best_class]
    return f"{probe.best_class} from {others[0] if len(others) == 1 else 'the other classes'}"


def _figure(figure: Figure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "–" if figure.value is None else f"{figure.value:.3f}"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _carried(carriers: Sequence[Carrier]) -> str:
    """`JPEG quantisation alone 0.974 (quality 95 in NORMAL, 75 in PNEUMONIA), metadata alone 0.963, …`."""
    words = []
    for carrier in [carrier for carrier in carriers if carrier.alone >= SUSPICIOUS][:_SHOWN] or carriers[:1]:
        fact, of_class = next(iter(carrier.typical.items()))
        values = ", ".join(f"{_value(value)} in {name}" for name, value in of_class.items())
        typical = f" ({fact.replace('_', ' ')} {values})" if len(set(of_class.values())) > 1 else ""
        words.append(f"{carrier.name} alone {carrier.alone:.3f}{typical}")
    return "; ".join(words)


def _value(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "unknown" if value is None else value or "none"
