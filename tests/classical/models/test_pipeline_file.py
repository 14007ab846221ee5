"""A pipeline on disk judges as the one that was written, and a file that holds anything else is not opened."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import sklearn
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.pipeline import Pipeline

from hilum.classical.models import pipeline, pipeline_file
from hilum.classical.models.pipeline import fit_pipeline
from hilum.classical.models.pipeline_file import count_numbers, read_pipeline, write_pipeline
from hilum.errors import BundleError
from tests.classical.simulated import spec_of, training_set

FILMS, NEW = training_set(numbers=64), training_set(films=20, numbers=64, seed=1)
HERE = sklearn.__version__
GREY = {"describe": "grey", "side": 8}
SYSTEMS: dict[str, dict[str, Any]] = {
    "templates": {**GREY, "reduce": ["templates"], "components": [0], "templates": {"per_class": 3}},
    "linear": {**GREY, "reduce": ["pca", "lda"], "components": [8, 0]},
    "manifold": {**GREY, "reduce": ["pca", "kernel-pca"], "components": [8, 8], "classifier": "svm"},
    "isomap": {**GREY, "reduce": ["isomap"], "components": [3], "classifier": "boosting"},
    "features": {"select": "l1", "classifier": "forest"},
    "genetic": {"select": "recursive", "classifier": "genetic", "genetic": {"generations": 1, "population": 6}},
}


def read_back(path: Path, made_with: str) -> Any:
    return read_pipeline(path.read_bytes(), path, made_with)


@pytest.fixture(autouse=True, scope="module")
def _small_forests() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "_TREES", 8)
        patch.setattr(pipeline, "_ROUNDS", 8)
        yield


def fitted(classes: int = 2, **table: Any) -> Pipeline:
    films = training_set(numbers=64, classes=classes)
    return fit_pipeline(films, spec_of(**table), 10, 0.1, seed=0)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_read_judges_as_what_was_written(tmp_path: Path, system: str, classes: int) -> None:
    made = fitted(classes, **SYSTEMS[system])
    write_pipeline(made, tmp_path / "model.skops")
    assert count_numbers(tmp_path / "model.skops") > 0
    again = read_back(tmp_path / "model.skops", HERE)
    np.testing.assert_array_equal(again.predict_proba(NEW.numbers), made.predict_proba(NEW.numbers))
    assert list(again.classes_) == list(range(classes))


def test_counts_the_numbers_that_it_keeps(tmp_path: Path) -> None:
    """Means, variances and scales of 64 numbers and how many films there were; 64 weights, a bias, two classes."""
    write_pipeline(fitted(classifier="logistic"), tmp_path / "model.skops")
    counted = count_numbers(tmp_path / "model.skops")
    assert 4 * 64 + 3 <= counted <= 4 * 64 + 12


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "model.skops"
    write_pipeline(fitted(select="mutual-information", classifier="forest"), path)
    return path


def tampered(written: Path, path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The same file with another description of what it holds."""
    with ZipFile(written) as old, ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                change(schema)
                content = json.dumps(schema).encode()
            new.writestr(name, content)
    return path


def steps_of(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["content"]["content"]
    return found


def call(module: str, name: str, loader: str, path: Path) -> dict[str, Any]:
    """What would have `module.name` called with a path."""

    def node(module: str, name: str, loader: str, content: object) -> dict[str, Any]:
        return {"__class__": name, "__module__": module, "__loader__": loader, "content": content}

    argument = node("builtins", "str", "JsonNode", json.dumps(str(path)))
    return node(module, name, loader, node("builtins", "tuple", "TupleNode", [argument]))


@pytest.mark.parametrize(
    ("module", "name", "loader"),
    [
        ("os", "mkdir", "ConstructorFromReduceNode"),
        ("builtins", "eval", "FunctionNode"),
        ("pathlib", "Path", "ObjectNode"),
        ("numpy", "bytes_", "NdArrayNode"),
        ("hilum.cli", "main", "TypeNode"),
        ("operator", "methodcaller", "OperatorFuncNode"),
    ],
)
def test_anything_that_is_called_or_made_is_on_a_list(
    tmp_path: Path, written: Path, module: str, name: str, loader: str
) -> None:
    harm = tmp_path / "harm"
    memory = call(module, name, loader, harm)
    hostile = tampered(written, tmp_path / "model.skops", lambda schema: steps_of(schema).update(memory=memory))
    with pytest.raises(BundleError, match=rf"holds {module}.{name} \({loader}\), which no system is made of"):
        read_back(hostile, HERE)
    assert not harm.exists()


def test_an_estimator_that_no_recipe_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="HashingVectorizer"):
        write_pipeline(Pipeline([("words", HashingVectorizer())]), tmp_path / "model.skops")


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        ("left_child", 10**6, "points out of itself"),
        ("left_child", 0, "points out of itself"),
        ("feature", 64, "looks at numbers that there are not"),
        ("feature", -3, "looks at numbers that there are not"),
    ],
)
def test_a_tree_that_would_be_followed_out_of_its_nodes_is_refused(
    tmp_path: Path, place: str, value: int, says: str
) -> None:
    forest = fitted(classifier="forest")
    tree = forest["classifier"].estimators_[7].tree_
    state = tree.__getstate__()
    state["nodes"][place][0] = value
    tree.__setstate__(state)
    write_pipeline(forest, tmp_path / "model.skops")
    with pytest.raises(BundleError, match=f"a decision tree {says}"):
        read_back(tmp_path / "model.skops", HERE)


def test_a_boosted_tree_too(tmp_path: Path) -> None:
    boosted = fitted(classifier="boosting")
    boosted["classifier"]._predictors[0][0].nodes["right"][0] = 10**6
    write_pipeline(boosted, tmp_path / "model.skops")
    with pytest.raises(BundleError, match="a decision tree points out of itself"):
        read_back(tmp_path / "model.skops", HERE)


def test_a_boosted_tree_asks_for_no_categories(tmp_path: Path) -> None:
    boosted = fitted(classifier="boosting")
    boosted["classifier"]._predictors[0][0].nodes["is_categorical"][0] = 1
    write_pipeline(boosted, tmp_path / "model.skops")
    with pytest.raises(BundleError, match="asks for categories"):
        read_back(tmp_path / "model.skops", HERE)


def test_a_tree_sees_no_more_numbers_than_are_shown_to_it(tmp_path: Path) -> None:
    forest = fitted(classifier="forest")
    forest["classifier"].n_features_in_ = 10**6
    state = forest["classifier"].estimators_[0].tree_.__getstate__()
    state["nodes"]["feature"][0] = 5000
    forest["classifier"].estimators_[0].tree_.__setstate__(state)
    write_pipeline(forest, tmp_path / "model.skops")
    with pytest.raises(BundleError, match="looks at numbers that there are not"):
        read_back(tmp_path / "model.skops", HERE)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("support_", lambda values: np.concatenate([values, values])),
        ("support_vectors_", lambda values: np.concatenate([values, values])),
        ("support_vectors_", lambda values: values[:, :3].copy()),
        ("_dual_coef_", lambda values: values[:, :1].copy()),
        ("_intercept_", lambda values: values[:0].copy()),
        ("_n_support", lambda values: values + np.int32(1000)),
        ("_n_support", lambda values: -values),
        ("_probA", lambda values: np.zeros(3)),
        ("_impl", lambda _: "epsilon_svr"),
        ("kernel", lambda _: "precomputed"),
    ],
)
def test_a_support_vector_machine_reads_no_further_than_its_arrays(
    tmp_path: Path, name: str, change: Callable[[Any], Any]
) -> None:
    """LIBSVM takes the lengths of all from one of them: a longer `support_` crashed the process."""
    pipeline = fitted(**SYSTEMS["manifold"])
    machine = pipeline["classifier"].calibrated_classifiers_[0].estimator
    setattr(machine, name, change(getattr(machine, name)))
    write_pipeline(pipeline, tmp_path / "model.skops")
    with pytest.raises(BundleError, match="a support vector machine"):
        read_back(tmp_path / "model.skops", HERE)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.skops").write_bytes(content)
    with pytest.raises(BundleError, match="cannot be read"):
        read_back(tmp_path / "model.skops", HERE)


def test_a_file_of_another_version_says_which(tmp_path: Path, written: Path) -> None:
    lacking = tampered(written, tmp_path / "model.skops", lambda schema: steps_of(schema).pop("steps"))
    with pytest.raises(BundleError, match=rf"was made with scikit-learn 0\.1; install that \(here: {HERE}\)"):
        read_back(lacking, "0.1")


def test_a_file_that_swells_is_not_unpacked(tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_file, "_LARGEST", 1000)
    with pytest.raises(BundleError, match="unpacks to more than"):
        read_back(written, HERE)


def test_reading_loads_no_torch(written: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from hilum.classical.models.pipeline_file import read_pipeline; "
        f"read_pipeline(Path({str(written)!r}).read_bytes(), Path(), {HERE!r}); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
