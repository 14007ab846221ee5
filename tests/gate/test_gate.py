"""The gate as a file, and the distances that it measures."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from scipy.spatial.distance import mahalanobis

from hilum import gate
from hilum.errors import BundleError
from hilum.gate.descriptor import LENGTH, turned
from hilum.gate.gate import DescriptorDistribution, Discriminant


def known(mean: np.ndarray, axes: np.ndarray, variances: np.ndarray, rest: float) -> DescriptorDistribution:
    mean_, axes_, variances_ = (np.asarray(values, dtype="<f4").tobytes() for values in (mean, axes, variances))
    return DescriptorDistribution(mean_, axes_, variances_, rest)


def test_distances_are_mahalanobis_with_one_variance_where_there_is_no_axis() -> None:
    draws = np.random.default_rng(0)
    axes = np.linalg.qr(draws.normal(size=(LENGTH, 3)))[0].T
    mean, variances, rest = draws.normal(size=LENGTH), np.array([4.0, 2.0, 1.0]), 0.25
    covariance = rest * np.eye(LENGTH) + axes.T @ np.diag(variances - rest) @ axes
    films = draws.normal(size=(5, LENGTH)).astype(np.float32)
    expected = [mahalanobis(film, mean, np.linalg.inv(covariance)) ** 2 for film in films]
    np.testing.assert_allclose(known(mean, axes, variances, rest).squared_distances(films), expected, rtol=1e-4)


def test_distances_by_turn_are_those_of_turned_films(fitted: gate.Gate) -> None:
    films = np.random.default_rng(0).random((3, LENGTH), dtype=np.float32)
    for quarters, distances in enumerate(fitted.distribution.distances_by_turn(films).T):
        np.testing.assert_array_equal(distances, fitted.distribution.squared_distances(turned(films, quarters)))


def test_a_gate_reads_back_as_it_was_written_and_is_small(fitted: gate.Gate, tmp_path: Path) -> None:
    path = tmp_path / "gate.json"
    gate.write_gate(fitted, path)
    assert gate.parse_gate(path.read_bytes(), str(path)) == fitted
    assert path.stat().st_size < 200_000


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("descriptor", 99, "descriptor 99"),
        ("distance", 0, "above 0"),
        ("turn", -1, "above 0"),
        ("unheard_of", 1, "unheard_of"),
    ],
)
def test_a_file_that_no_gate_wrote_is_refused(
    fitted: gate.Gate, tmp_path: Path, key: str, value: float, said: str
) -> None:
    path = tmp_path / "gate.json"
    path.write_bytes(msgspec.json.encode({**msgspec.to_builtins(fitted), key: value}))
    with pytest.raises(BundleError, match=said):
        gate.parse_gate(path.read_bytes(), str(path))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "gate.json"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"gate\.json: damaged"):
        gate.parse_gate(path.read_bytes(), str(path))


def test_arrays_that_do_not_belong_together_are_refused(fitted: gate.Gate) -> None:
    for name in ("mean", "axes", "variances"):
        with pytest.raises(ValueError, match="fit together"):
            replace(fitted.distribution, **{name: getattr(fitted.distribution, name)[:-4]})


def test_numbers_that_would_let_everything_through_are_refused(fitted: gate.Gate) -> None:
    nothing = np.full(LENGTH, np.nan, dtype="<f4").tobytes()
    with pytest.raises(ValueError, match="finite"):
        replace(fitted.distribution, mean=nothing)
    with pytest.raises(ValueError, match="above 0"):
        replace(fitted.distribution, variances=bytes(len(fitted.distribution.variances)))
    for name in ("distance", "roughness", "turn"):
        with pytest.raises(ValueError, match="above 0"):
            replace(fitted, **{name: float("inf")})


def test_a_gate_of_before_reads_as_one_of_what_the_detector_is_shown_that_knows_no_adults(
    fitted: gate.Gate, tmp_path: Path
) -> None:
    path = tmp_path / "gate.json"
    content = msgspec.to_builtins(fitted)
    assert {content.pop("of_whole"), content.pop("adults")} == {False, None}
    path.write_bytes(msgspec.json.encode(content))
    assert gate.parse_gate(path.read_bytes(), str(path)) == fitted


def test_the_covariance_is_that_of_the_distances() -> None:
    draws = np.random.default_rng(0)
    axes = np.linalg.qr(draws.normal(size=(LENGTH, 3)))[0].T
    distribution = known(draws.normal(size=LENGTH), axes, np.array([4.0, 2.0, 1.0]), 0.25)
    mean, covariance = distribution.moments()
    films = draws.normal(size=(5, LENGTH)).astype(np.float32)
    expected = [mahalanobis(film, mean, np.linalg.inv(covariance)) ** 2 for film in films]
    np.testing.assert_allclose(distribution.squared_distances(films), expected, rtol=1e-4)


def test_a_discriminant_that_would_stop_nothing_is_refused() -> None:
    weights = np.ones(LENGTH, dtype="<f4").tobytes()
    assert Discriminant(weights, -1.0, 1.0).scores(np.full((1, LENGTH), 1 / LENGTH, np.float32)) == [1]
    for centre, limit in ((1.0, 1.0), (2.0, 1.0), (0.0, float("inf")), (float("nan"), 1.0)):
        with pytest.raises(ValueError, match="above its centre"):
            Discriminant(weights, centre, limit)
    for wrong in (weights[:-4], np.full(LENGTH, np.nan, "<f4").tobytes()):
        with pytest.raises(ValueError, match="512 finite numbers"):
            Discriminant(wrong, 0.0, 1.0)
