"""Write the shipped bundle again by today's code, with settings of its recipe changed and its network untouched.

    python -m tests.bundle.make_shipped pixels.grey_scale=exposed
    python -m tests.bundle.make_shipped --from BUNDLE

The second puts another bundle in its place as it is, such as the one that `hilum export shipped --to onnx` writes.

Threshold, calibration, prediction sets, gate and figures stay as they were chosen on the validation films; so only a
setting belongs here that changes nothing for those films, which `hilum evaluate` before and after shows. The golden
predictions are computed anew, and must be those that were there. The package vouches for the new seal (`pin.py`).
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from hilum.bundle import SHIPPED, SHIPPED_SEAL, Decisions, pin, read
from hilum.bundle.network_payload import open_networks
from hilum.bundle.write import rewrite
from hilum.recipe import with_settings

_SAME = ("model.onnx", "weights.safetensors", "gate.json")
_DIFFERENCE = 2e-6  # of a golden probability, which is written with six digits


def make(settings: list[str]) -> str:
    """Replace the shipped bundle by one whose recipe has these settings, and return its seal."""
    opened = read("shipped")
    spec = opened.spec
    decisions = Decisions(spec.operating_point, spec.calibration, spec.conformal, spec.scores, spec.metrics)
    with tempfile.TemporaryDirectory() as folder:
        recipe = with_settings(spec.recipe, settings)
        written = rewrite(opened, open_networks(opened), Path(folder) / "bundle", recipe=recipe, decisions=decisions)
        assert [written.spec.files[name] for name in _SAME] == [spec.files[name] for name in _SAME]
        old, new = (json.loads(each.golden)["probs"] for each in (opened, written))
        np.testing.assert_allclose(new, old, atol=_DIFFERENCE)
        return put(written.folder)


def put(folder: Path) -> str:
    """Put a bundle in the place of the shipped one, and return its seal."""
    seal = read(folder).spec.seal
    shutil.rmtree(SHIPPED)
    shutil.copytree(folder, SHIPPED)
    pinned = Path(str(pin.__file__))
    pinned.write_text(pinned.read_text("utf-8").replace(SHIPPED_SEAL, seal), "utf-8")
    return seal


if __name__ == "__main__":
    print(put(Path(sys.argv[2])) if sys.argv[1:2] == ["--from"] else make(sys.argv[1:]))
