"""The command as a person runs it, held by its exit code, stdout and stderr."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from hilum.cli import main
from tests.bundle.conftest import make

Hilum = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hilum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hilum:
    """The command in this process, which has imported what it needs; `hilum_process` starts one of its own."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        command, code = ["hilum", *map(str, arguments)], 0
        stdout, stderr = io.StringIO(), io.StringIO()
        with monkeypatch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr):
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", command)
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                main()
            except SystemExit as exit:
                code = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
        return subprocess.CompletedProcess(command, code, stdout.getvalue(), stderr.getvalue())

    return run


@pytest.fixture
def hilum_process(tmp_path: Path) -> Hilum:
    """The command in a process of its own."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from hilum.cli import main; main()", *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("cli") / "bundle").folder


def refusal(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line on stderr that a refusal is."""
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("hilum: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]
