"""Put a trained lung network into the package, from the bundle of a run of `recipes/lungs.toml`.

python -m tests.bundle.make_lungs runs/lungs/bundle
"""

from __future__ import annotations

import sys
from pathlib import Path

import hilum
from hilum.bundle.lung_network import ship_lung_network

if __name__ == "__main__":
    print(ship_lung_network(Path(sys.argv[1]), Path(hilum.__file__).parent / "lungs").seal)
