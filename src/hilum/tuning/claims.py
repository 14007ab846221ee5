"""Which process trains which trial: new ones, and those whose process was killed.

A trial belongs to the folder that it was started in, and the process that trains it locks the trial's folder. The
system releases a lock when a process ends, however it ends. So a trial that is running according to the database and
whose lock is free was killed, and the process that finds it resumes it.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from hilum.errors import RequestError
from hilum.files import write_text
from hilum.locks import exclusive

# A trial's attributes.
FOLDER = "folder"  # the token of the folder that it was started in
WHERE = "where"  # the same for a person: host and path
SUPERFLUOUS = "superfluous"  # was started at the same moment as another worker's, which was the last one planned


@dataclass(frozen=True, slots=True)
class Claim:
    """A trial that this process is to train.

    Attributes:
        trial: to draw values for and to report to.
        folder: the trial's own.
        reported: the figures that a killed process had reported, by epoch.
    """

    trial: optuna.Trial
    folder: Path
    reported: dict[int, float]


class StudyFolder:
    """A folder in which trials are trained, by one process or by several at once."""

    def __init__(self, out: Path, study: optuna.Study, storage: BaseStorage) -> None:
        """Create the folder, or open it again.

        Args:
            out: the folder.
            study: the study.
            storage: what the study is in.

        Raises:
            RequestError: the folder holds the trials of another study.
            OSError: the folder cannot be written.
        """
        self.out, self.study, self._storage = out, study, storage
        with self.alone():
            token = out / "folder-id"
            if not token.exists():
                write_text(token, uuid.uuid4().hex)
            self.token = token.read_text("utf-8").strip()
            mine = {trial_folder(out, trial.number) for trial in counted(study) if self._is_here(trial)}
            foreign = sorted(path for path in out.glob("trial-*") if path.is_dir() and path not in mine)
        if foreign:
            raise RequestError(f"{foreign[0]}: is a trial of another study; choose another --out")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lock the folder for a moment against the other processes that work in it."""
        with exclusive(self.out):
            yield

    @contextmanager
    def next_trial(self, trials: int) -> Iterator[Claim | None]:
        """A trial to train: one whose process was killed, else a new one; None if there are as many as planned.

        It stays locked against all other processes until the block ends.
        """
        held: tuple[Claim, FileLock] | None = None
        with self.alone():
            if sum(trial.state.is_finished() for trial in counted(self.study)) < trials:
                held = self._abandoned() or self._new(trials)
        if held is None:
            yield None
            return
        claim, lock = held
        try:
            yield claim
        finally:
            lock.release()

    def _abandoned(self) -> tuple[Claim, FileLock] | None:
        for trial in counted(self.study):
            if trial.state != TrialState.RUNNING or not self._is_here(trial):
                continue
            lock = FileLock(self._make_folder(trial.number) / "lock")
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            # Its process may have reported more, or ended it properly, between the reading of the study and the lock.
            for again in self.study.get_trials(states=(TrialState.RUNNING,)):
                if again.number == trial.number:
                    return self._claim(again), lock
            lock.release()
        return None

    def _new(self, trials: int) -> tuple[Claim, FileLock] | None:
        if len(counted(self.study)) >= trials:
            return None
        # With its attributes in one transaction: if the process is killed here, the trial can still be found.
        one = uuid.uuid4().hex
        self.study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.RUNNING,
                user_attrs={
                    FOLDER: self.token,
                    WHERE: f"{socket.gethostname()}:{os.path.abspath(self.out)}",
                    "id": one,
                },
            )
        )
        listed = counted(self.study)
        place = next(place for place, trial in enumerate(listed) if trial.user_attrs.get("id") == one)
        trial = listed[place]
        if place >= trials:  # another folder's process was faster, and a trial cannot be deleted
            self._open(trial.number).set_user_attr(SUPERFLUOUS, True)
            self.study.tell(trial.number, state=TrialState.FAIL)
            return None
        lock = FileLock(self._make_folder(trial.number) / "lock")
        lock.acquire()
        return self._claim(trial), lock

    def _claim(self, trial: FrozenTrial) -> Claim:
        reported = dict(trial.intermediate_values)
        return Claim(self._open(trial.number), trial_folder(self.out, trial.number), reported)

    def _open(self, number: int) -> optuna.Trial:
        """The trial to write to; Optuna gives the study's trials as copies to read."""
        study_id = self._storage.get_study_id_from_name(self.study.study_name)
        return optuna.Trial(self.study, self._storage.get_trial_id_from_study_id_trial_number(study_id, number))

    def _is_here(self, trial: FrozenTrial) -> bool:
        return trial.user_attrs.get(FOLDER) == self.token

    def _make_folder(self, number: int) -> Path:
        folder = trial_folder(self.out, number)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def trial_folder(out: Path, number: int) -> Path:
    """The folder in which a trial is trained."""
    return out / f"trial-{number:04d}"


def counted(study: optuna.Study) -> list[FrozenTrial]:
    """The study's trials by number, without superfluous ones."""
    trials = sorted(study.get_trials(deepcopy=False), key=lambda trial: trial.number)
    return [trial for trial in trials if not trial.user_attrs.get(SUPERFLUOUS)]
