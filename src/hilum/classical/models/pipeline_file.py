"""`model.skops`: a fitted pipeline on disk, without pickle. What is read back is of known types or refused.

skops writes arrays as `.npy` and says in JSON how objects are put together from them. It can be told which types it
may make, but not what they hold: `compiled_state` checks what compiled code follows without looking.

skops names a type by the module that defines it. Of our own types those names belong to the format and not to the
house: they stay as the first version wrote them, wherever the modules lie now.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from hilum.classical.models.compiled_state import refuse_wild
from hilum.errors import BundleError, reason_of

_OURS = ("genetic.GeneticNetwork", "reduction.LandmarkIsomap", "reduction.OneScale", "selection.Selection",
         "templates.TemplateScores")  # fmt: skip
# The module in a file: where the type is defined.
_MODULES = {
    f"hilum.classical.{name}": f"hilum.classical.models.{name}" for name in {name.partition(".")[0] for name in _OURS}
}
_ESTIMATORS = (
    "calibration.CalibratedClassifierCV", "calibration._CalibratedClassifier", "calibration._SigmoidCalibration",
    "decomposition._kernel_pca.KernelPCA", "decomposition._pca.PCA",
    "discriminant_analysis.LinearDiscriminantAnalysis", "ensemble._forest.RandomForestClassifier",
    "ensemble._hist_gradient_boosting.binning._BinMapper",
    "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "ensemble._hist_gradient_boosting.predictor.TreePredictor", "linear_model._logistic.LogisticRegression",
    "_loss.link.Interval", "_loss.link.LogitLink", "_loss.link.MultinomialLogit", "_loss.loss.HalfBinomialLoss",
    "_loss.loss.HalfMultinomialLoss", "manifold._isomap.Isomap", "neighbors._unsupervised.NearestNeighbors",
    "pipeline.Pipeline", "preprocessing._data.KernelCenterer", "preprocessing._data.StandardScaler",
    "preprocessing._label.LabelEncoder", "svm._classes.SVC", "tree._classes.DecisionTreeClassifier",
)  # fmt: skip
_NUMBERS = ("bool", "bool_", "float32", "float64", "int32", "int64", "uint8", "uint32", "uint64", "ndarray")
_BUILT_IN = ("bool", "dict", "float", "int", "list", "str", "tuple")
# What may be made, by how skops makes it.
_KNOWN = {
    "ObjectNode": {*(f"hilum.classical.{name}" for name in _OURS), *(f"sklearn.{name}" for name in _ESTIMATORS)},
    "TreeNode": {"sklearn.tree._tree.Tree"},
    "LossNode": {f"sklearn._loss._loss.{name}" for name in ("CyHalfBinomialLoss", "CyHalfMultinomialLoss")},
    "NdArrayNode": {f"numpy.{name}" for name in _NUMBERS},
    **{node: {f"builtins.{name}" for name in _BUILT_IN}
       for node in ("DictNode", "ListNode", "TupleNode", "JsonNode", "TypeNode")},
}  # fmt: skip
_SCHEMA = "schema.json"
_LARGEST = 2 << 30  # bytes of a file as it lies unpacked in memory
_FIX = "copy the bundle again from where it was made"


def write_pipeline(pipeline: Any, path: Path) -> None:
    """Write a fitted pipeline.

    Raises:
        BundleError: it holds what could not be read again; nothing is written then.
    """
    written, renamed = io.BytesIO(), io.BytesIO()
    with _skops() as skops:
        skops.dump(pipeline, written, compression=ZIP_DEFLATED)
    _rename_modules(written, renamed, {module: name for name, module in _MODULES.items()})
    with ZipFile(renamed) as archive:
        _refuse_unknown(archive, path)
    path.write_bytes(renamed.getbuffer())


def count_numbers(path: Path) -> int:
    """How many numbers the arrays of a pipeline's file hold."""
    with ZipFile(path) as archive:
        return sum(_size_of(archive, name) for name in archive.namelist() if name.endswith(".npy"))


def read_pipeline(content: bytes, path: Path, made_with: str) -> Any:
    """Read a fitted pipeline.

    Args:
        content: of the file.
        path: names it in an error.
        made_with: the version of scikit-learn that fitted it.

    Raises:
        BundleError: it is damaged, holds anything but what a pipeline is made of, or cannot be read by this version.
    """
    here = version("scikit-learn")
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            _refuse_unknown(archive, path)
        renamed = io.BytesIO()
        _rename_modules(io.BytesIO(content), renamed, _MODULES)
        with _skops() as skops:
            untrusted = skops.get_untrusted_types(data=renamed.getvalue())
            pipeline = skops.load(renamed, trusted=untrusted)  # every type was checked above
        refuse_wild(pipeline)
    except BundleError:
        raise
    except Exception as error:  # whatever a foreign file makes of its reader
        how = _FIX if made_with == here else f"it was made with scikit-learn {made_with}; install that (here: {here})"
        raise BundleError(f"{path}: cannot be read ({reason_of(error)}); {how}") from None
    if type(pipeline).__name__ != "Pipeline":
        raise BundleError(f"{path}: holds no pipeline; {_FIX}")
    return pipeline


def _refuse_unknown(archive: ZipFile, path: Path) -> None:
    """Raise BundleError for anything that is not on the list, before anything is made of it."""
    if sum(each.file_size for each in archive.infolist()) > _LARGEST:
        raise BundleError(f"{path}: unpacks to more than {_LARGEST >> 30} GiB, which no system needs; {_FIX}")
    for node in _nodes(json.loads(archive.read(_SCHEMA))):
        loader, name = str(node["__loader__"]), f"{node.get('__module__')}.{node.get('__class__')}"
        if name not in _KNOWN.get(loader, ()):
            named = f"{name} ({loader})"[:200]
            named = named if named.isprintable() else ascii(named)
            raise BundleError(f"{path}: holds {named}, which no system is made of; it is not opened")


def _rename_modules(source: io.BytesIO, target: io.BytesIO, modules: Mapping[str, str]) -> None:
    """Copy a file, with other names of the modules that its types are looked for in."""
    with ZipFile(source) as old, ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == _SCHEMA:
                schema = json.loads(content)
                for node in _nodes(schema):
                    node["__module__"] = modules.get(node["__module__"], node["__module__"])
                content = json.dumps(schema, indent=2).encode()  # as skops writes it
            new.writestr(entry, content)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object that a file describes."""
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if "__loader__" in item:
                yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _size_of(archive: ZipFile, name: str) -> int:
    with archive.open(name) as file:
        return int(np.lib.format.read_array(file, allow_pickle=False).size)


class _NoTorch:
    """Finds no torch."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "torch":
            raise ModuleNotFoundError(name, name=name)


@contextmanager
def _skops() -> Iterator[ModuleType]:
    """`skops.io`, imported without torch.

    It walks through all modules of scikit-learn, one of which imports torch where there is one: a second and
    300 MB of which predicting needs nothing.
    """
    finder: Any = _NoTorch()
    if "torch" not in sys.modules:
        sys.meta_path.insert(0, finder)
    try:
        import skops.io
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
    yield skops.io
