"""When a gate that has learnt from a hospital's films replaces the old one."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.adaptation import LabelledFilms
from hilum.adaptation.gates import GateHeldOut, cross_validate_gate
from hilum.bundle.adapted import GateChange
from hilum.gate import fit_gate
from hilum.gate.extend import GateFilms
from hilum.records import Figure
from tests.adaptation.test_choice import RECIPE
from tests.gate.conftest import Chests, chests  # noqa: F401
from tests.gate.test_extend import circled


@pytest.mark.parametrize(
    ("gain", "p", "opened", "better"),
    [
        (0.3, 0.01, Figure(0.0), True),
        (0.3, 0.01, Figure(-0.01, -0.02, 0.0), True),
        (0.3, 0.01, Figure(0.004, 0.0, 0.009), True),
        (0.3, 0.01, Figure(0.007, 0.0, 0.02), False),
        (0.3, 0.01, Figure(0.001), False),
        (0.1, 0.2, Figure(0.0), False),
        (-0.3, 0.01, Figure(0.0), False),
        (0.0, None, Figure(0.0), False),
    ],
)
def test_more_films_must_be_shown_to_pass_and_other_pictures_not_to(
    gain: float, p: float | None, opened: Figure, better: bool
) -> None:
    change = GateChange(Figure(0.5), Figure(0.8), Figure(gain), 0.0, 0.0)
    assert GateHeldOut(change, p, opened).is_better is better


@pytest.mark.slow
def test_a_new_look_is_learnt_and_where_nothing_is_new_the_gate_is_kept(chests: Chests) -> None:  # noqa: F811
    fitted = fit_gate(chests(range(300)), [str(number) for number in range(300)], seed=1)
    films = LabelledFilms(np.arange(40) % 2, tuple(f"p{row // 2}" for row in range(40)), ("NORMAL", "ILL"), RECIPE)
    usual = chests(range(3000, 3040))
    new_look = GateFilms.of(fitted, [circled(film) for film in usual])
    held_out = cross_validate_gate(fitted, new_look, films)
    assert held_out.is_better
    assert float(held_out.change.before) == new_look.passed(fitted, np.arange(40))[:, 0].mean()
    assert float(held_out.change.after) > 0.9
    assert not cross_validate_gate(fitted, GateFilms.of(fitted, usual), films).is_better
