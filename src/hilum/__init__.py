"""Hilum: from a folder of chest X-rays to a pneumonia detector that you can trust, on an ordinary computer.

One film's way is the order of the packages:
`films` → `pixels` → `batches` → `models` → `training` → `bundle` → `inference` → `metrics`, `evaluation`.

Decision support for research, never a diagnosis.
"""

__version__ = "0.1.0"
