"""`hilum tune` on generated films: trials are trained, killed, gone on with, and never see a test film."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from hilum import films
from hilum.cli import tune as cli
from hilum.errors import RequestError
from hilum.history import read_history
from hilum.recipe import Tune, read_recipe
from hilum.records import read_manifest, write_manifest
from hilum.training.model_selection import MONITORED
from hilum.workflows import tune as workflow
from hilum.workflows.tune import films_to_tune_on
from tests.cli.conftest import Hilum, refusal
from tests.conftest import ChestFolder

COUNTS = {
    "train": {"normal": 16, "bacteria": 16},
    "val": {"normal": 8, "bacteria": 8},
    "test": {"normal": 2, "bacteria": 2},
}
RECIPE = """
name = "tiny"
[pixels]
size = 32
[batches]
size = 16
[training]
epochs = 2
precision = "float32"
optimizer = "adam"
schedule = "constant"
[tune]
trials = 4
prune = "none"
[tune.space]
"training.learning_rate" = [0.5, 1e-4]
"""
Files = tuple[Path, Path]


@pytest.fixture
def files(chest_folder: ChestFolder, tmp_path: Path) -> Files:
    """A recipe with two learning rates, of which one is far too high, and a manifest whose test films are gone."""
    (tmp_path / "tiny.toml").write_text(RECIPE)
    found = films.index(chest_folder(COUNTS), cut=False)
    write_manifest(found, tmp_path / "manifest.csv")
    for film in found.split("test"):
        Path(film.path).unlink()
    return tmp_path / "tiny.toml", tmp_path / "manifest.csv"


def opened(out: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="tiny", storage=f"sqlite:///{out / 'study.db'}").trials


def test_finds_the_better_of_two_learning_rates_without_a_test_film(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, manifest = files
    out = tmp_path / "study"
    cli.tune(str(recipe), manifest, out)
    trials = opened(out)
    assert {trial.params["training.learning_rate"] for trial in trials} == {0.5, 1e-4}
    assert len(trials) == 4

    best = read_recipe(out / "best.toml")
    assert best.training.learning_rate == 1e-4
    assert best.tune == Tune()
    said = capsys.readouterr()
    assert said.out == "training.learning_rate=0.0001\n"
    assert said.err.splitlines()[-1] == f"Next: hilum train {out / 'best.toml'} --data {manifest}"
    assert "on the same 16 validation films of 8 patients" in said.err
    assert f"hilum train --resume {next(out.glob('trial-*/checkpoints')).parent} makes the same detector" in said.err

    for trial in trials:
        folder = out / f"trial-{trial.number:04d}"
        assert {film.split for film in read_manifest(folder / "manifest.csv")} == {"train", "val"}
        resolved = read_recipe(folder / "recipe.toml")
        assert resolved.tune == Tune()
        assert resolved.training.learning_rate == trial.params["training.learning_rate"]
        history = read_history(folder / "history.csv")
        if trial.state.name == "COMPLETE":
            losses = [row["val_loss"] for row in history]
            assert trial.value == pytest.approx(min(losses), rel=1e-5)
            assert list(trial.intermediate_values.values()) == pytest.approx(losses, rel=1e-5)
    assert f"{min(t.value for t in trials if t.value is not None):.4f}" in (out / "study.html").read_text()


def test_of_a_run_that_keeps_the_last_epoch_its_figure_counts(files: Files, tmp_path: Path) -> None:
    recipe, manifest = files
    cli.tune(
        str(recipe), manifest, tmp_path / "study", trials=1, settings=["training.keep=last", "training.monitor=auroc"]
    )
    (trial,) = opened(tmp_path / "study")
    assert trial.value == trial.intermediate_values[2]
    assert trial.value == pytest.approx(
        read_history(tmp_path / "study" / "trial-0000" / "history.csv")[1]["val_auroc"]
    )


def test_a_folder_is_tuned_on_without_decoding_its_test_films(
    chest_folder: ChestFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose bytes are compared with the others', to find copies, and who are then left out of everything."""
    folder = chest_folder(COUNTS)
    broken = sorted((folder / "test").rglob("*.jpeg"))
    for number, path in enumerate(broken):
        path.write_text(f"no film {number}")
    (tmp_path / "tiny.toml").write_text(RECIPE)
    given = films_to_tune_on(folder, "patient", None)
    assert {film.split for film in given} == {"train", "val"}
    cli.tune(str(tmp_path / "tiny.toml"), folder, tmp_path / "study", trials=1)
    assert (tmp_path / "study" / "best.toml").exists()


def until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.slow
def test_a_killed_process_costs_neither_a_trial_nor_its_epochs(files: Files, tmp_path: Path, hilum: Hilum) -> None:
    recipe, manifest = files
    options = ["--set", "training.epochs=6", "--set", "tune.space.training.learning_rate={low=1e-5,high=1e-3}"]
    words = ["tune", str(recipe), "--data", str(manifest), "--trials", "3", *options]
    command = [sys.executable, "-m", "hilum", *words, "--out", "killed"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, env=dict(os.environ))
    history = tmp_path / "killed" / "trial-0001" / "history.csv"
    until(lambda: history.exists() and len(history.read_text().splitlines()) >= 3, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [trial.state.name for trial in opened(tmp_path / "killed")] == ["COMPLETE", "RUNNING"]
    before = history.read_text()

    again = hilum(*words, "--out", "killed")
    assert again.returncode == 0, again.stderr
    assert "trial 1: " in again.stderr
    assert "resumed after epoch" in again.stderr
    assert "trial-0000: s1-cnn learns" not in again.stderr
    assert history.read_text().startswith(before.rsplit("\n", 2)[0]), "its epochs were not trained again"

    straight = hilum(*words, "--out", "straight")
    assert straight.returncode == 0, straight.stderr
    one, other = (opened(tmp_path / name) for name in ("killed", "straight"))
    assert [trial.params for trial in one] == [trial.params for trial in other]
    # An epoch that was done and not yet reported when the process was killed has six digits, from history.csv.
    for trial, as_it_would_be in zip(one, other, strict=True):
        assert trial.value == pytest.approx(as_it_would_be.value, rel=1e-5)
        assert trial.intermediate_values == pytest.approx(as_it_would_be.intermediate_values, rel=1e-5)
    assert again.stdout == straight.stdout


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["training.optimizer=lion"], r"training\.optimizer"),
        (["tune.space.training.learning_rat=[1, 2]"], "did you mean 'learning_rate'"),
        (['tune.space.model.name=["s1-cnn", "s2-cnn"]'], "'model.name' = s2-cnn: .*no architecture 's2-cnn'"),
        (['tune.space.transfer.frozen=["stage1", "stage9"]'], "no stage 'stage9'"),
        (["tune.space.training.epochs=[0, 2]"], "'training.epochs' = 0"),
        (["tune.trials=0"], r"tune\.trials"),
        (["tune.space={}"], r"add \[tune\.space\]"),
        (['classes=["NORMAL", "PNEUMONIA", "COVID"]'], "no train film is labelled COVID"),
        (["members.seeds=3"], "a trial trains one network"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_written(
    files: Files, tmp_path: Path, settings: list[str], says: str
) -> None:
    recipe, manifest = files
    with pytest.raises(RequestError, match=says):
        cli.tune(str(recipe), manifest, tmp_path / "study", settings=settings)
    assert not (tmp_path / "study").exists()


def test_a_split_that_is_misspelt_is_refused_and_not_left_out(files: Files, tmp_path: Path) -> None:
    recipe, manifest = files
    manifest.write_text(manifest.read_text().replace(",val,", ",vall,", 1))
    with pytest.raises(RequestError, match="vall"):
        cli.tune(str(recipe), manifest, tmp_path / "study")


def test_outlines_are_not_tuned(files: Files, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="run hilum train lungs with --outlines FOLDER"):
        cli.tune("lungs", files[1], tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_a_refusal_is_one_line(files: Files, hilum: Hilum) -> None:
    recipe, manifest = files
    done = hilum("tune", recipe, "--data", manifest, "--out", "study", "--storage", "postgres")
    assert "--storage postgres: cannot be opened" in refusal(done, 2)


def test_processes_of_one_run_are_refused(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RequestError, match="start several hilum tune instead of torchrun"):
        cli.tune(str(files[0]), files[1], tmp_path / "study")


def test_an_interrupt_says_how_to_go_on(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer

    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    recipe, manifest = files
    monkeypatch.setattr(workflow, "fit_network", stop)
    with pytest.raises(typer.Exit) as ended:
        cli.tune(str(recipe), manifest, tmp_path / "study")
    assert ended.value.exit_code == 130
    assert "run the same command again to continue the study" in capsys.readouterr().err
    assert [trial.state.name for trial in opened(tmp_path / "study")] == ["RUNNING"]


def test_help_shows_a_space_and_loads_nothing_heavy(hilum: Hilum) -> None:
    done = hilum("tune", "--help")
    assert done.returncode == 0
    assert '"training.learning_rate" = { low = 1e-5, high = 1e-2, log = true }' in done.stdout
    program = "import sys, hilum.cli.tune; sys.exit(bool({'torch', 'optuna', 'sqlalchemy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_every_figure_that_can_be_monitored_has_a_description() -> None:
    assert set(workflow.DESCRIPTIONS) == set(MONITORED)
