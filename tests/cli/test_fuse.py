"""`hilum fuse`: bundles that go together become one, and those that do not are refused by what keeps them apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from hilum import bundle, films, models, pixels
from hilum.bundle import Bundle, Decisions, OperatingPoint
from hilum.bundle.network_payload import NetworkPayload
from hilum.bundle.onnx_export import round_weights
from hilum.bundle.write import write
from hilum.cli.fuse import fuse
from hilum.confidence import Calibration
from hilum.errors import RequestError
from hilum.inference import Detector
from hilum.metrics import youden_threshold
from hilum.recipe import Model, Pixels, parse_recipe
from hilum.records import Manifest, write_manifest
from hilum.training.ensemble_weights import fit_ensemble_weights
from hilum.workflows.fuse import refuse_incompatible
from tests.bundle.conftest import make
from tests.cli.conftest import Hilum, refusal
from tests.conftest import ChestFolder

COUNTS = {
    "train": {"normal": 4, "bacteria": 4},
    "val": {"normal": 12, "bacteria": 12},
    "test": {"normal": 2, "virus": 2},
}
CLASSES = ("NORMAL", "PNEUMONIA")
MANIFEST = Path("manifest.csv")


@pytest.fixture
def manifest(chest_folder: ChestFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """The films, listed in the folder that the test works in."""
    monkeypatch.chdir(tmp_path)
    chest_folder(COUNTS)
    write_manifest(films.index("chest", cut=False), tmp_path / "manifest.csv")
    return films.index("manifest.csv")


def learnt_from(manifest: Manifest, name: str, seed: int = 0, **tables: Mapping[str, object]) -> Bundle:
    """An untrained network, as if it had learnt from these films."""
    table = {"name": name, "data": "Nobody's films.", "pixels": {"size": 32}, **tables}
    recipe = parse_recipe(table, "test")
    torch.manual_seed(seed)
    network = models.build(recipe.model, recipe.side).eval()
    if recipe.bundle.weights == "float16":
        round_weights(network)
    return write(
        NetworkPayload([network], recipe),
        Path(name),
        recipe=recipe,
        classes=CLASSES,
        manifest=manifest.where(lambda film: film.split != "test"),
        decisions=Decisions(OperatingPoint(0.5, "half", "nothing: it is fixed"), Calibration(), None, None, {}),
        gate=None,
        history=[],
    )


def probs_of(folder: str, manifest: Manifest) -> np.ndarray:
    detector = Detector(folder)
    cache = pixels.cache(manifest, detector.spec.recipe.pixels)
    return detector.probs(np.asarray(cache.films[cache.rows(manifest)]))


def test_the_mean_of_two_bundles(hilum: Hilum, manifest: Manifest) -> None:
    """As a person runs it; then the bundle is evaluated like any other."""
    half = {"weights": "float16"}
    one = learnt_from(manifest, "one", bundle=half)
    two = learnt_from(manifest, "two", 1, model={"output": "softmax"}, bundle={**half, "flips": True})
    done = hilum("fuse", "one", "two", "--data", "manifest.csv", "--out", "both")
    assert done.returncode == 0, done.stderr
    assert "was trained on other films" not in done.stderr
    evaluate = "hilum evaluate both/bundle --data manifest.csv --split test --out both/test"
    assert done.stderr.splitlines()[-1] == f"both/bundle: done. Next: {evaluate}"

    val = manifest.split("val")
    spec, labels = bundle.read("both/bundle").spec, np.array([film.label == "PNEUMONIA" for film in val])
    mean = (probs_of("one", val) + probs_of("two", val)) / 2
    np.testing.assert_allclose(probs_of("both/bundle", val), mean, atol=1e-5)
    assert spec.operating_point.threshold == pytest.approx(youden_threshold(labels, mean[:, 1]), abs=1e-5)
    assert spec.operating_point.chosen_on == "24 validation films"
    assert spec.metrics["auroc"].low is not None
    assert [member.recipe for member in spec.members] == [one.spec.recipe, two.spec.recipe]
    assert [member.share for member in spec.members] == [0.5, 0.5]
    assert (spec.recipe.name, spec.recipe.model.name, spec.recipe.bundle.weights) == ("both", "2 × s1-cnn", "float16")
    assert spec.recipe.data == "Nobody's films."
    assert "it is not known" not in Path("both/bundle/CARD.md").read_text()

    evaluated = hilum(*evaluate.split()[1:])
    assert evaluated.returncode == 0, evaluated.stderr
    assert json.loads(Path("both/test/metrics.json").read_text())["n"] == 4


@pytest.mark.slow
def test_fitted_shares_of_a_bundle_that_was_fused_itself(
    manifest: Manifest, caplog: pytest.LogCaptureFixture
) -> None:
    """The threshold's rule is the first bundle's; that a bundle was trained on other films is noted."""
    one = learnt_from(manifest, "one", 3, bundle={"operating_point": "half"})
    two = learnt_from(manifest, "two", 4)
    other = learnt_from(Manifest(manifest.films[1:]), "other", 5)
    fuse([Path("one"), Path("two")], MANIFEST, Path("both"))
    val = manifest.split("val")
    said = np.stack([probs_of(each, val) for each in ("both/bundle", "other")])
    shares = fit_ensemble_weights(said, np.array([CLASSES.index(film.label) for film in val]))
    assert 0.01 < shares[0] < 0.99, "a mixture is better than either"
    caplog.clear()
    caplog.set_level("INFO", "hilum")
    fuse([Path("both/bundle"), Path("other")], MANIFEST, Path("all"), "fitted", "three")
    told = caplog.text
    assert "note: other was trained on other films than the train films here" in told
    assert "note: both" not in told
    assert f"other: share {shares[1]:.3f}\n" in told

    spec = bundle.read("all/bundle").spec
    parts = [member.share for member in spec.members]
    assert parts == pytest.approx([shares[0] / 2, shares[0] / 2, shares[1]], abs=1e-3)
    assert [member.seal for member in spec.members] == [each.spec.seal for each in (one, two, other)]
    assert (spec.recipe.name, spec.recipe.model.name) == ("three", "3 × s1-cnn")
    assert (spec.operating_point.threshold, spec.operating_point.rule) == (0.5, "half")
    assert spec.recipe.bundle.weights == "float32"
    mixed = shares[0] * said[0] + shares[1] * said[1]
    np.testing.assert_allclose(probs_of("all/bundle", val), mixed, atol=1e-3)
    assert "Of `other` it is not known" in Path("all/bundle/CARD.md").read_text()


@pytest.mark.slow
def test_a_bundle_that_the_others_make_superfluous_is_left_out(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hilum")
    for seed, name in enumerate(("a", "b", "c")):
        learnt_from(manifest, name, seed)
    monkeypatch.setattr(
        "hilum.training.ensemble_weights.fit_ensemble_weights",
        lambda probs, labels: np.array([0.2999, 0.0002, 0.6999]),
    )
    fuse([Path("a"), Path("b"), Path("c")], MANIFEST, Path("x"), "fitted")
    assert "b: share 0.000, omitted: it adds nothing to the others" in caplog.text
    members = bundle.read("x/bundle").spec.members
    assert [(member.recipe.name, round(member.share, 3)) for member in members] == [("a", 0.3), ("c", 0.7)]
    monkeypatch.setattr(
        "hilum.training.ensemble_weights.fit_ensemble_weights", lambda probs, labels: np.array([0.9999, 0.0001, 0.0])
    )
    with pytest.raises(RequestError, match="on these 24 val films no mixture is better than a alone; take that, or"):
        fuse([Path("a"), Path("b"), Path("c")], MANIFEST, Path("y"), "fitted")
    assert not Path("y").exists()


def test_bundles_that_do_not_go_together(tiny_bundle: Path) -> None:
    first = bundle.read(tiny_bundle)
    spec = first.spec

    def other(**changes: object) -> Bundle:
        return Bundle(Path("other"), msgspec.structs.replace(spec, seal="another", **changes))

    def recipe(**tables: object) -> dict[str, object]:
        return {"recipe": msgspec.structs.replace(spec.recipe, **tables)}

    for differing, says in (
        (
            other(**recipe(pixels=Pixels(48, "pad"))),
            "pixels.size 32 → 48; pixels.resize squash → pad. Fuse",
        ),
        (other(**recipe(labels="subtype")), "labels label → subtype. Fuse"),
        (
            other(classes=("NORMAL", "virus")),
            "classes NORMAL, PNEUMONIA → NORMAL, virus. Fuse bundles of the same",
        ),
    ):
        with pytest.raises(RequestError, match=f"{tiny_bundle} and other do not go together: {says}"):
            refuse_incompatible([first, differing])
    with pytest.raises(RequestError, match="the same network is named twice among these bundles"):
        refuse_incompatible([first, other(), first])
    with pytest.raises(RequestError, match="one bundle is nothing to fuse; name two or more"):
        refuse_incompatible([first])
    refuse_incompatible([first, other(**recipe(name="another", model=Model("resnet18")))])


def test_a_folder_that_holds_something_already(hilum: Hilum, tiny_bundle: Path, tmp_path: Path) -> None:
    for name, what in (("run/recipe.toml", "run"), ("fused/bundle/bundle.json", "bundle")):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("")
        out = name.partition("/")[0]
        done = hilum("fuse", tiny_bundle, tiny_bundle, "--data", "nowhere", "--out", out)
        assert f"{out}: holds a {what} already; name another --out" in refusal(done, 2)


def test_films_without_one_of_the_classes(manifest: Manifest, tiny_bundle: Path) -> None:
    make(Path("b"), seed=1)
    healthy = manifest.where(lambda film: film.label == "NORMAL" or film.split != "val")
    strange = Manifest(tuple(replace(film, label="COVID") for film in manifest))
    for name, given, says in (
        ("healthy.csv", healthy, "no val film is labelled PNEUMONIA; the threshold needs some"),
        ("strange.csv", strange, "the bundle knows NORMAL and PNEUMONIA, and these films are labelled 'COVID'"),
    ):
        write_manifest(given, Path(name))
        with pytest.raises(RequestError, match=says):
            fuse([tiny_bundle, Path("b")], Path(name), Path("x"))
        assert not Path("x").exists()
