"""A Dockerfile's steps, run in Debian systems that debootstrap has made: for machines without Docker.

Each stage is a folder. `RUN` runs in it by chroot, as the user of the last `USER`; `COPY` copies. What an image says
for later (`ENTRYPOINT`, `CMD`, `ENV`, `WORKDIR`) is kept for `command`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"  # by which this machine's network is trusted


@dataclass
class Stage:
    """A stage: its system, and what the Dockerfile has said of how to run something in it."""

    root: Path
    user: str = "0:0"
    folder: str = "/"
    variables: dict[str, str] = field(default_factory=dict)
    entry: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)

    def command(self, words: Sequence[str]) -> list[str]:
        """What runs words in the stage, with a /proc of its own: the process that it becomes gets its signals."""
        variables = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp", **self.variables}
        said = [f"{name}={value}" for name, value in variables.items()]
        inside = f"cd {shlex.quote(self.folder)} && exec {shlex.join(words)}"
        chroot = ["chroot", f"--userspec={self.user}", str(self.root), "env", "-i", *said, "sh", "-ec", inside]
        with_processes = 'mount -t proc proc "$0/proc" && exec "$@"'
        return ["unshare", "--mount", "sh", "-ec", with_processes, str(self.root), *chroot]

    def run(self, words: Sequence[str], *, timeout: float = 1800) -> subprocess.CompletedProcess[str]:
        """Run words in the stage, to their end."""
        return subprocess.run(self.command(words), capture_output=True, text=True, timeout=timeout, check=False)


def steps(text: str) -> Iterator[tuple[str, str]]:
    """The instructions of a Dockerfile, each with its words."""
    joined = re.sub(r"\\\n", " ", text)
    for line in joined.splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, words = line.strip().partition(" ")
            yield name.upper(), words.strip()


def build(dockerfile: Path, context: Path, base: Path, work: Path) -> Stage:
    """Run a Dockerfile's steps; the last stage.

    Args:
        dockerfile: to run.
        context: the folder that `COPY` copies from.
        base: a system that every `FROM` begins with.
        work: gets a folder for each stage.
    """
    stages: dict[str, Stage] = {}
    stage = Stage(Path())
    for name, words in steps(dockerfile.read_text("utf-8")):
        match name:
            case "FROM":
                label = words.split()[-1] if " AS " in words else str(len(stages))
                stage = stages[label] = Stage(work / label)
                subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(stage.root)], check=True)
                shutil.copy("/etc/resolv.conf", stage.root / "etc/resolv.conf")
            case "RUN":
                _run(stage, words)
            case "COPY":
                _copy(stages, stage, context, shlex.split(words))
            case "USER":
                stage.user = words
            case "WORKDIR":
                stage.folder = words
            case "ENV":
                stage.variables |= dict(each.split("=", 1) for each in shlex.split(words))
            case "ENTRYPOINT":
                stage.entry = json.loads(words)
            case "CMD":
                stage.arguments = json.loads(words)
            case "VOLUME" | "EXPOSE" | "HEALTHCHECK":
                pass
            case _:
                raise ValueError(f"{dockerfile}: {name} is not known here")
    return stage


def _run(stage: Stage, words: str) -> None:
    """A step, with the certificates and settings of this machine's network lent to it, and taken away again."""
    lent = stage.root / "tmp/certificates.crt"
    variables = {name: value for name, value in os.environ.items() if name in ("http_proxy", "https_proxy")}
    if Path(_CERTIFICATES).exists():
        shutil.copy(_CERTIFICATES, lent)
        variables["PIP_CERT"] = "/tmp/certificates.crt"
    running = Stage(stage.root, stage.user, stage.folder, {**stage.variables, **variables, "HOME": "/tmp"})
    running.variables["DEBIAN_FRONTEND"] = "noninteractive"
    done = running.run(["sh", "-ec", words])
    lent.unlink(missing_ok=True)
    if done.returncode:
        raise AssertionError(f"RUN {words}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


def _copy(stages: dict[str, Stage], stage: Stage, context: Path, words: list[str]) -> None:
    source = context
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")].root
    *names, target_name = words
    target = stage.root / target_name.lstrip("/")
    for name in names:
        from_ = source / name.lstrip("/")
        into = target / from_.name if target_name.endswith("/") else target
        into.parent.mkdir(parents=True, exist_ok=True)
        if from_.is_dir():
            ignored = None if source is not context else shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(from_, into, symlinks=True, dirs_exist_ok=True, ignore=ignored)
        else:
            shutil.copy2(from_, into)
