from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.errors import RecipeError, RequestError
from hilum.recipe import Recipe, differences, list_recipes, parse_recipe, read_recipe, recipe_text, write_recipe

TEXT = 'name = "one"\n[pixels]\nsize = 64\n[training]\nepochs = 3\n'


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    path = tmp_path / "one.toml"
    path.write_text(TEXT)
    return path


def test_what_a_recipe_leaves_out_has_its_default(recipe_file: Path) -> None:
    recipe = read_recipe(recipe_file)
    assert (recipe.name, recipe.pixels.size, recipe.training.epochs, recipe.batches.size) == ("one", 64, 3, 32)


def test_a_setting_lies_over_the_file_and_a_string_may_go_bare(recipe_file: Path) -> None:
    settings = ["training.epochs=7", "model.name=vgg16", "batches.augment.rotation=10", 'classes=["A", "B"]']
    recipe = read_recipe(recipe_file, settings)
    assert (recipe.training.epochs, recipe.model.name, recipe.batches.augment.rotation) == (7, "vgg16", 10.0)
    assert recipe.classes == ("A", "B")


def test_a_resolved_recipe_reads_back_as_itself(tmp_path: Path, recipe_file: Path) -> None:
    recipe = read_recipe(recipe_file, ["pixels.window=[-600, 1500]"])
    (tmp_path / "resolved.toml").write_text(write_recipe(recipe))
    assert read_recipe(tmp_path / "resolved.toml") == recipe
    assert "learning_rate" in write_recipe(recipe)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("training.epoch=3", r"'training\.epoch'; did you mean 'epochs'"),
        ("batches.augment.rotatoin=3", "did you mean 'rotation'"),
        ("colour=1", "unknown key 'colour'"),
        ("training.epochs=many", "training.epochs: Expected `int`"),
        ("training.epochs=0", "training.epochs"),
        ("training.optimizer=lion", "training.optimizer: Invalid enum value 'lion'; there are sgd, adam, adamw"),
        ("training.class_weights=even", "Invalid enum value 'even'; there are balanced, none"),
        (
            "classical.steps=['blur']",
            "Invalid enum value 'blur'; there are denoise, smooth, binarise, frame, restore, mask",
        ),
        ("model.channels=2", "Invalid enum value 2; there are 1, 3"),
        ("pixels.crop=0.7", "pixels.crop"),
        ("training.min_epochs=9", r"min_epochs \(9\) is larger than epochs \(3\); set training.min_epochs=3"),
        ("name.first=a", "'name' is a value, not a section"),
        ("training.epochs", "write it as section.key=value"),
        ("=3", "write it as section.key=value"),
        ("batches.draw=sorted", "batches.draw"),
        ("batches.by=patient", "batches.by"),
        ("batches.mixup=-1", "batches.mixup"),
        ("batches.size=1", "batches.size"),
        ("batches.augment.intensity=2", "batches.augment.intensity"),
        ("batches.augment.match=1.5", "batches.augment.match"),
        ("batches.augment.sharpen=[0.5, 0]", "batches.augment.sharpen"),
        ("batches.augment.erase=[0.5, 0.9]", "batches.augment.erase"),
        ("batches.scales=[48, 64]", "batches: batches.scales are of crops: name batches.crop too"),
        ("batches.crop=65", r"reach 65 pixels, and films are kept at 64; set pixels\.size=65"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(recipe_file: Path, setting: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        read_recipe(recipe_file, [setting])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["batches.crop=56", "batches.scales=[48, 64]"], "a crop of 56 pixels, cut from 48 to 64; they must rise"),
        (["batches.crop=32", "batches.scales=[60, 48]"], "cut from 60 to 48; they must rise"),
        (["batches.crop=32", "batches.scales=[48, 80]"], r"reach 80 pixels, .* kept at 64; set pixels\.size=80"),
        (["training.val_shifts=true", "transfer.frozen=trunk"], "val_shifts and transfer.frozen exclude each other"),
        (["pixels.grey_from=lungs"], 'grey_from = "lungs" needs the lungs of the film'),
        (["batches.augment.between=0.5"], "between is a fraction of the films of outside, and there are none"),
        (["batches.augment.outside=0.5"], 'need the lungs of the films: set pixels.region = "lungs" too'),
        (
            ["pixels.region=lungs", "batches.augment.blank=0.1", "transfer.frozen=trunk"],
            "outside and blank exclude transfer.frozen",
        ),
        (
            ["pixels.region=lungs", "batches.augment.blank=0.1", "batches.mixup=0.2"],
            "batches.mixup and batches.augment.blank exclude each other",
        ),
        (["classical.folds=3", "bundle.operating_views=2"], "operating_views is for networks"),
        (["classical.folds=3", "members.seeds=3"], "members is for networks"),
        (["classical.reduce=['pca']"], "components has 0 counts and reduce 1 reductions"),
        (["classical.reduce=['lda']", "classical.components=[3]"], "3 for lda; templates and lda take 0"),
        (
            ["classical.reduce=['templates']", "classical.components=[0]", "classical.describe=features"],
            "templates are laid over grey values",
        ),
        (["classical.strengths=[1.0, 1.0]"], "strengths names something twice"),
        (["classical.families=[]"], "families is empty"),
        (
            ["batches.augment.match=0.5", "transfer.frozen=trunk", "transfer.views=2"],
            "batches.augment.match needs a second film",
        ),
    ],
)
def test_settings_that_exclude_each_other_are_refused(recipe_file: Path, settings: list[str], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        read_recipe(recipe_file, settings)


@pytest.mark.parametrize(
    "settings",
    [
        ["batches.crop=64"],
        ["batches.crop=32", "batches.scales=[32, 32]"],
        ["batches.crop=32", "batches.scales=[48, 64]", "batches.augment.match=0.5"],
        ["transfer.frozen=trunk", "batches.augment.match=0.5"],
        ["transfer.frozen=trunk", "transfer.views=2", "batches.mixup=0.2", "batches.draw=balanced"],
    ],
)
def test_settings_that_go_together_are_not(recipe_file: Path, settings: list[str]) -> None:
    recipe = read_recipe(recipe_file, settings)
    assert parse_recipe(tomllib.loads(write_recipe(recipe)), "resolved") == recipe


def test_what_learns_has_a_name(recipe_file: Path) -> None:
    assert read_recipe(recipe_file, ["model.name=vgg11"]).system == "vgg11"
    stages = ["classical.reduce=['pca', 'lda']", "classical.components=[20, 0]", "classical.classifier=svm"]
    assert read_recipe(recipe_file, stages).system == "48-pixel films, pca, lda, support vector machine"


def test_a_system_without_a_network_is_written_without_one(recipe_file: Path) -> None:
    plain = tmp_recipe(recipe_file, ["classical.reduce=['pca']", "classical.components=[20]"])
    written = tomllib.loads(write_recipe(plain))
    assert not written.keys() & {"model", "training", "batches", "transfer"}
    assert parse_recipe(written, "resolved") == plain
    weighed = tmp_recipe(recipe_file, ["classical.folds=3", "training.class_weights=none"])
    assert tomllib.loads(write_recipe(weighed))["training"]["class_weights"] == "none"


def tmp_recipe(recipe_file: Path, settings: list[str]) -> Recipe:
    """A recipe of nothing but a name and settings."""
    bare = recipe_file.with_name("bare.toml")
    bare.write_text('name = "bare"')
    return read_recipe(bare, settings)


def test_the_former_name_of_the_default_head_is_still_read(recipe_file: Path) -> None:
    former = read_recipe(recipe_file, ["model.head=own"])
    assert former.model.head == "default"
    assert 'head = "default"' in write_recipe(former)
    assert former == read_recipe(recipe_file)


def test_differences_are_named_by_their_whole_key(recipe_file: Path) -> None:
    was = read_recipe(recipe_file)
    now = read_recipe(recipe_file, ["training.epochs=7", "seed=2", "batches.augment.flip=0.5"])
    assert differences(was, was) == []
    assert differences(was, now) == [
        "seed 1 → 2", "batches.augment.flip 0.0 → 0.5", f"training.epochs {was.training.epochs} → 7",
    ]  # fmt: skip
    assert differences(was.pixels, read_recipe(recipe_file, ["pixels.size=96"]).pixels, "pixels.") == [
        "pixels.size 64 → 96"
    ]
    assert differences({"a": 1, "b": {"c": (1, 2)}}, {"b": {"c": [1, 2]}, "d": 3}) == [
        "a 1 → (nothing)",
        "d (nothing) → 3",
    ]


def test_the_network_is_shown_the_crop_or_the_whole_film(recipe_file: Path) -> None:
    assert read_recipe(recipe_file).side == 64
    assert read_recipe(recipe_file, ["batches.crop=48"]).side == 48
    assert read_recipe(recipe_file, ["batches.crop=32", "batches.scales=[48, 64]"]).side == 32


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", b"[training\n"])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.toml").write_bytes(content)
    with pytest.raises(RecipeError, match=r"bad\.toml: not a TOML file"):
        read_recipe(tmp_path / "bad.toml")


def test_a_missing_recipe_says_where_the_ready_ones_are_listed(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.toml: no such file or recipe; .*: hilum recipes"):
        read_recipe(tmp_path / "none.toml")
    with pytest.raises(RecipeError, match="did you mean s2-vgg16"):
        read_recipe("recipes/s2-vgg-16.toml")
    with pytest.raises(RecipeError, match="not a TOML file"):
        read_recipe(tmp_path)


def test_a_recipe_needs_a_name() -> None:
    with pytest.raises(RecipeError, match=r"here: .*name"):
        parse_recipe({}, "here")


PARTS = st.sampled_from(
    ["training", "pixels", "batches", "augment", "blur", "window", "epochs", "name", "classes", "", "x"]
)


@given(
    st.lists(PARTS, max_size=4).map(".".join), st.text(max_size=12) | st.sampled_from(["{}", "[]", "[1, 2]", "nan"])
)
def test_no_setting_crashes(key: str, value: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.toml"
        path.write_text(TEXT)
        try:
            recipe = read_recipe(path, [f"{key}={value}"])
        except RecipeError:
            return
        assert parse_recipe(tomllib.loads(write_recipe(recipe)), "resolved") == recipe


def test_a_file_wins_over_a_recipe_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_recipe("plain").pixels.size == 64
    Path("plain").mkdir()
    assert read_recipe("plain").name == "plain", "a folder is no recipe"
    Path("plain").rmdir()
    Path("plain").write_text('name = "mine"')
    assert read_recipe("plain").name == "mine"
    assert recipe_text("plain") == 'name = "mine"'


def test_every_recipe_that_comes_with_hilum_reads_and_says_what_it_is() -> None:
    listed = list_recipes()
    assert len(listed) == 36
    for info in listed:
        recipe = read_recipe(info.name)
        assert (recipe.name, recipe.system, recipe.side) == (info.name, info.system, info.size)
        assert f"hilum train {info.name} --data DIR" in recipe_text(info.name)
        assert info.title.endswith((".", ":")), info.title
    assert {info.name: info.needs for info in listed}["s2-vgg16"] == ("vgg16_imagenet_features",)
    lines = repr(listed).splitlines()
    assert lines[0].split() == ["recipe", "px", "needs", "title"]
    assert lines[2].split()[:2] == ["hilum", "160"]
    assert listed._repr_html_().count("<tr>") == 37


def test_every_recipe_that_comes_with_hilum_is_told_of_in_the_documents() -> None:
    pages = [page.read_text("utf-8") for page in (Path(__file__).parents[1] / "docs").rglob("*.md")]
    for info in list_recipes():
        assert any(f"`{info.name}`" in page or f"hilum train {info.name} " in page for page in pages), info.name


def test_the_studys_systems_learn_on_random_crops_of_scaled_films_as_its_learning_scheme_says() -> None:
    for name in ("s1-cnn", "s2-vgg16", "s3-resnet50"):
        recipe = read_recipe(name)
        low, high = recipe.batches.scales or (0, 0)
        assert recipe.side < low < high == recipe.pixels.size, name
        augment = recipe.batches.augment
        assert (augment.flip, augment.intensity) == (0.5, 0.1), name
        assert (recipe.training.schedule, recipe.training.plateau_factor, recipe.training.keep) == (
            "plateau",
            0.3,
            "best",
        )
        assert (recipe.bundle.operating_point, recipe.training.class_weights) == ("half", "balanced"), name
    cnn, vgg = read_recipe("s1-cnn"), read_recipe("s2-vgg16")
    assert (cnn.side, cnn.training.optimizer, cnn.training.epochs, cnn.training.weight_decay) == (
        128,
        "sgd",
        28,
        5e-4,
    )
    assert (vgg.side, vgg.training.optimizer, vgg.training.epochs, vgg.training.learning_rate) == (
        256,
        "adam",
        27,
        1e-3,
    )


def test_every_robust_recipe_is_cropped_to_the_lungs_and_does_not_let_the_rest_of_the_film_speak() -> None:
    robust = [info.name for info in list_recipes() if info.name.endswith("-robust")]
    assert set(robust) == {f"s{number}-robust" for number in range(1, 11)}
    for name in robust:
        recipe = read_recipe(name)
        assert (recipe.pixels.region, recipe.pixels.grey_from) == ("lungs", "lungs"), name
        if recipe.classical is None and not recipe.transfer.frozen:  # features are stored of films as they are
            assert recipe.batches.augment.outside > 0, name
            assert recipe.batches.augment.blank > 0, name


@pytest.mark.parametrize("number", range(6, 11))
def test_a_robust_system_without_a_network_is_the_plain_one_on_the_lungs(number: int) -> None:
    (plain,) = (
        info.name for info in list_recipes() if info.name.startswith(f"s{number}-") and "robust" not in info.name
    )
    changed = differences(read_recipe(plain), read_recipe(f"s{number}-robust"))
    assert {"pixels.region film → lungs", "pixels.grey_from film → lungs"} < set(changed)
    # What holds under shifts on whole films need not on the lungs: how films are described and classified may differ.
    described = ("families", "selected", "side", "components", "classifier", "strengths")
    assert all(line.startswith(("name ", "pixels.", *(f"classical.{key} " for key in described))) for line in changed)


def test_fewer_epochs_lower_the_fewest_that_a_recipe_asks_for_unless_those_are_set() -> None:
    assert read_recipe("s1-cnn").training.min_epochs == 5
    assert read_recipe("s1-cnn", ["training.epochs=3"]).training.min_epochs == 3
    with pytest.raises(RecipeError, match=r"min_epochs \(5\) is larger than epochs \(3\)"):
        read_recipe("s1-cnn", ["training.epochs=3", "training.min_epochs=5"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe", "not a TOML file"),
        (b"", "the key 'name' is missing"),
        (b"a = " + b"[" * 20_000, "nested too deeply"),
        (b"a = " + b"{a = " * 10_000, "nested too deeply"),
        (b"seed = " + b"9" * 6_000, "a number of thousands of digits"),
        (b'name = "x"\nseed = 99999999999999999999', "seed: Expected"),
        (b'name = "x"\n[training]\nlearning_rate = inf', "training.learning_rate: must be a finite number"),
        (b'name = "x"\n[training]\nlearning_rate = -nan', "training.learning_rate: must be a finite number"),
        (b'name = "x"\n[batches.augment]\nblur = [nan, 1.0]', "batches.augment.blur: must be a finite number"),
        (b'name = "x\\n# y"', "name: holds line breaks or control characters"),
        (b'name = "x"\n"\\u001b[2J" = 1', r"unknown key '\\x1b\[2J'"),
        (b"[" + b".".join([b"a"] * 100_000) + b"]", "200,001 bytes, and a recipe has at most 65,536"),
        (b"#" * (100 << 20), "at most"),
    ],
)
def test_whatever_a_file_holds_one_line_says_what_is_wrong(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(RequestError, match=says) as refused:
        read_recipe(tmp_path / "mine.toml")
    assert str(refused.value).startswith(str(tmp_path / "mine.toml"))
    assert len(str(refused.value).splitlines()) == 1


def test_a_byte_order_mark_is_no_part_of_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b'\xef\xbb\xbfname = "mine"')
    assert read_recipe(tmp_path / "mine.toml").name == "mine"


@pytest.mark.parametrize(
    "setting", ["a=" + "[" * 10_000, "seed=" + "9" * 5_000, ".=1", "training..epochs=1", "training.=1"]
)
def test_a_wild_setting_is_one_line(setting: str) -> None:
    with pytest.raises(RecipeError):
        read_recipe("s1-cnn", [setting])


def test_a_line_feed_in_a_setting_begins_no_second_one() -> None:
    assert read_recipe("s1-cnn", ["data=1\nseed = 5"]).data == "1\nseed = 5"


@settings(max_examples=150)
@given(mutations=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=20))
def test_a_mutated_recipe_is_read_or_refused(mutations: list[tuple[int, int]]) -> None:
    content = bytearray(recipe_text("s2-vgg16").encode())
    for place, byte in mutations:
        content[place % len(content)] = byte
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.toml"
        path.write_bytes(content)
        said = str(path)
        try:
            read_recipe(path)
        except RecipeError as refused:
            said = str(refused)
        assert said.startswith(str(path))
