"""DICOM: what the standard says, and what files make of it."""

from hilum.pixels.dicom.read import read_dicom

__all__ = ["read_dicom"]
