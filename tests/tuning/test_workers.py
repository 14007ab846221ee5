"""Several processes at one study: together as many trials as there are to be, each by one of them, none lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from hilum.tuning import StudySummary
from hilum.tuning.claims import SUPERFLUOUS, StudyFolder, counted
from hilum.tuning.storage import open_study
from tests.tuning.conftest import FILMS, RATE, all_values, recipe_with, space_of, study
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]

# A process of its own that works on a study, an epoch of which takes a while; it begins when it is told to. In the
# epoch that it is to wait in, "TRIAL-EPOCH", it says that it is there and waits until it may go on.
WORKER = """
import sys, time
from pathlib import Path
from tests.tuning.conftest import MadeUp, RATE, space_of, study
from tests.waiting import wait_until

out, storage, trials, seconds, begin, name, epoch_to_wait_in = sys.argv[1:]

def stop(trial, epoch):
    time.sleep(float(seconds))
    if f"{trial}-{epoch}" == epoch_to_wait_in:
        Path(f"{begin}.{name}.there").touch()
        wait_until(Path(f"{begin}.{name}.go").exists, 600)

train = MadeUp(stop=stop)
Path(f"{begin}.{name}").touch()
wait_until(Path(begin).exists, 600)
study(Path(out), space_of(RATE), train, trials=int(trials), storage=storage or None)
print(*dict.fromkeys(folder for folder, epoch in train.epochs))
"""


def start(
    out: Path, begin: Path, name: str, *, trials: int, seconds: float = 0.0, storage: str = "", wait_in: str = ""
) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, out, storage, trials, seconds, begin, name, wait_in]
    return subprocess.Popen(
        list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def wait_for(path: Path) -> None:
    wait_until(path.exists, 120, f"{path} did not come")


def finish(worker: subprocess.Popen[str]) -> list[str]:
    """The trials that a worker trained an epoch of."""
    said, complained = worker.communicate(timeout=120)
    assert worker.returncode == 0, complained
    return said.split()


@pytest.mark.slow
@pytest.mark.parametrize("folders", [1, 2])
def test_two_workers_share_the_trials_of_one_sqlite_file(tmp_path: Path, folders: int) -> None:
    begin, outs = tmp_path / "begin", [tmp_path / f"out{number % folders}" for number in range(2)]
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    workers = [
        start(out, begin, str(number), trials=7, seconds=0.1, storage=storage) for number, out in enumerate(outs)
    ]
    for number in range(2):
        wait_for(Path(f"{begin}.{number}"))
    begin.touch()
    one, other = map(finish, workers)
    assert one
    assert other
    assert sorted(one + other) == [f"trial-{number:04d}" for number in range(7)], "each by one of them"
    summary = study(outs[0], space_of(RATE), trials=7, storage=storage)
    assert [trial.state for trial in summary.trials] == ["done"] * 7
    assert all(list(trial.curve) == [1, 2, 3] for trial in summary.trials)
    assert len({trial.where for trial in summary.trials}) == folders


def kill_within(out: Path, tmp_path: Path) -> None:
    """A study's process, killed in the second epoch of its second trial."""
    begin = tmp_path / "begin"
    begin.touch()
    worker = start(out, begin, "killed", trials=3, wait_in="1-2")
    wait_for(Path(f"{begin}.killed.there"))
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    assert worker.returncode == -signal.SIGKILL


def straight(tmp_path: Path) -> StudySummary:
    return study(tmp_path / "straight", space_of(RATE), trials=3)


@pytest.mark.slow
def test_a_killed_trial_goes_on_and_is_neither_lost_nor_doubled(tmp_path: Path) -> None:
    kill_within(tmp_path / "out", tmp_path)
    opened = optuna.load_study(study_name="tiny", storage=f"sqlite:///{tmp_path / 'out' / 'study.db'}")
    assert [trial.state.name for trial in opened.trials] == ["COMPLETE", "RUNNING"]
    begin = tmp_path / "begin"
    again = finish(start(tmp_path / "out", begin, "again", trials=3))
    assert again == ["trial-0001", "trial-0002"]
    summary = study(tmp_path / "out", space_of(RATE), trials=3)
    expected = straight(tmp_path)
    assert all_values(summary) == all_values(expected)
    assert [trial.curve for trial in summary.trials] == [trial.curve for trial in expected.trials]


@pytest.mark.slow
def test_a_trial_whose_process_lives_is_left_to_it(tmp_path: Path) -> None:
    """A second process takes a trial of its own, and its last line knows that one is still being trained."""
    begin, out = tmp_path / "begin", tmp_path / "out"
    begin.touch()
    worker = start(out, begin, "slow", trials=2, wait_in="0-1")
    wait_for(Path(f"{begin}.slow.there"))
    summary = study(out, space_of(RATE), trials=2)
    assert [trial.state for trial in summary.trials] == ["unfinished", "done"]
    Path(f"{begin}.slow.go").touch()
    assert finish(worker) == ["trial-0000"]
    assert "2 trials (2 done)" in (out / "study.html").read_text(), "whoever ends last draws the last page"


def test_the_last_trial_is_begun_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two folders that begin the last one in the same moment: the later one takes its own back."""
    url = f"sqlite:///{tmp_path / 'study.db'}"
    opened, database = open_study(url, recipe_with(RATE), FILMS, minimize=True)
    one, two = (StudyFolder(tmp_path / name, opened, database) for name in ("one", "two"))
    before = [counted(opened)] * 2  # what the second one read before the first one began its trial
    with one.next_trial(1) as first:
        assert first is not None
        monkeypatch.setattr("hilum.tuning.claims.counted", lambda study: before.pop() if before else counted(study))
        before.append(before[0])
        with two.next_trial(1) as second:
            assert second is None
    assert not before
    assert [trial.number for trial in counted(opened)] == [0]
    assert [trial.state.name for trial in opened.trials] == ["RUNNING", "FAIL"]
    assert opened.trials[1].user_attrs[SUPERFLUOUS] is True
