"""The command as a person runs it: in a process of its own, judged by exit code, stdout and stderr."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bundle.conftest import make

Hilum = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hilum(tmp_path: Path) -> Hilum:
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
