"""Nothing leaves the machine, and nothing is written beside the places that docs/privacy.md lists.

Every verb runs in a network of its own, with a home folder of its own, while strace lists its sockets and its files.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hilum.cli.terminal import app
from hilum.pacs.settings_file import example_text
from hilum.records import Film, Prediction
from hilum.store import NewPrediction, PredictionKey, open_store
from tests import noded, served
from tests.cli.conftest import Hilum, hilum
from tests.conftest import WriteFilm, kermany_name
from tests.guard import Watched, watch, why_not
from tests.pacs.films import film as radiograph
from tests.pacs.films import save

__all__ = ["hilum"]

Run = Callable[..., Watched]

RECIPE = """
name = "tiny"
[pixels]
size = 32
[batches]
size = 16
[training]
epochs = 1
min_epochs = 1
"""
CLASSICAL = """
name = "classical"
[pixels]
size = 32
[classical]
side = 16
reduce = ["pca", "lda"]
components = [8, 0]
strengths = [0.1, 1.0]
folds = 3
"""
SPACE = """
[tune]
trials = 1
prune = "none"
[tune.space]
"training.learning_rate" = [1e-3, 1e-4]
"""

# Every verb and how it is run, in the order in which one needs what another wrote.
COMMANDS: dict[str, tuple[str, ...]] = {
    "index": ("index films --out manifest.csv",),
    "train": ("train tiny.toml --data manifest.csv --out run", "train classical.toml --data films --out other"),
    "tune": ("tune space.toml --data films --out study",),
    "evaluate": ("evaluate run/bundle --data films --split test --out run/test --shifts --heat-maps",),
    "compare": ("compare run other --data films --split test --out both",),
    "audit": ("audit films --out audit",),
    "adapt": ("adapt shipped --data films --up-to decisions --out adapted",),
    "calibrate": ("calibrate run/bundle --data films --split train --out again",),
    "fuse": ("fuse run/bundle again/bundle --data films --out fused",),
    "export": ("export run/bundle --to openvino --out exported",),
    "explain": ("explain run/bundle films/test --out maps",),
    "sign": (
        "sign --new-key key",
        "sign run/bundle --key key",
        "predict run/bundle films/test --trusted key.pub --out trusted.csv",
    ),
    "predict": (
        "predict shipped films/test --out predictions.csv",
        "predict shipped films/test --engine openvino --json",
        "predict shipped films/test --engine auto --precision auto",
        "predict shipped films/test --engine ray --out parts",
    ),
    "lungs": ("lungs films/test/NORMAL/IM-0061-0001.jpeg --out lungs.png", "lungs films/test --out lungs"),
    "preprocess": ("preprocess films/test/NORMAL/IM-0061-0001.jpeg --out steps.png",),
    "store": (
        "store verify --store hilum.db",
        "store retain --store hilum.db --days 30",
        "store erase --store hilum.db --patient nobody",
        "store backup --store hilum.db --out backup.db",
        "store restore backup.db --store again.db",
    ),
    "feedback": ("feedback export --store hilum.db --out feedback",),
    "monitor": ("monitor --store hilum.db --out monitor.html",),
    "doctor": ("doctor",),
    "models": ("models",),
    "recipes": ("recipes show s1-cnn",),
    "demo": ("demo --data films --out demo",),
    "serve": ("serve --check --store room/hilum.db --folder room",),
    "node": ("node node.toml --check",),
    "user": ("user add ada --no-password --store room/hilum.db", "user list --store room/hilum.db"),
    "token": ("token add ada --store room/hilum.db", "token list --store room/hilum.db"),
}
QUICK = ("doctor", "index", "recipes")  # tried by `make test`, with a prediction; all of them by `make test-privacy`

REQUIRED = "HILUM_REQUIRE_GUARD" in os.environ
pytestmark = pytest.mark.skipif(bool(why_not()) and not REQUIRED, reason=why_not() or "commands can be watched")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, write_film: WriteFilm) -> Path:
    """A folder to work in, with films and recipes."""
    place = tmp_path_factory.mktemp("guarded") / "work"
    number = 0
    for split, films in (("train", 60), ("test", 20)):
        for kind, opacity in (("normal", 0.0), ("bacteria", 0.8)):
            for film in range(films // 2):
                number += 1
                label = "NORMAL" if kind == "normal" else "PNEUMONIA"
                write_film(place / "films" / split / label / kermany_name(kind, number, film % 2), number, opacity)
    for name, text in (("tiny", RECIPE), ("classical", CLASSICAL), ("space", RECIPE + SPACE)):
        (place / f"{name}.toml").write_text(text)
    (place / "node.toml").write_text(example_text())
    put_feedback(place / "hilum.db", place / "films" / "test")
    return place


def put_feedback(file: Path, films: Path) -> None:
    """A store as the service leaves it: two films of two patients, and a reader's verdicts."""
    with open_store(str(file)) as store:
        for path in sorted(films.rglob("*.jpeg"))[:2]:
            content = path.read_bytes()
            key = PredictionKey("ada", hashlib.sha256(content).hexdigest(), "seal", "youden")
            row = Prediction(Film(""), (0.5, 0.5), "NORMAL", answer="NORMAL", why="Only NORMAL is plausible.")
            patient = store.pseudonym("patient", path.name)
            new = NewPrediction(key, row, ("NORMAL", "PNEUMONIA"), 0.6, patient=patient, film=content)
            store.verdicts.add(store.predictions.put(new).id, "ada", "modify", label=path.parent.name)


@pytest.fixture(scope="module")
def temporary() -> Iterator[Path]:
    """A folder for temporary files with a short name: Ray makes sockets in it, whose names are short."""
    with TemporaryDirectory(prefix="guard-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def allowed(place: Path, temporary: Path) -> tuple[Path, ...]:
    """Where Hilum may write: what it is asked for, its cache below HOME, and temporary files."""
    return place, place.with_name("home") / ".cache" / "hilum", temporary


@pytest.fixture(scope="module")
def run(place: Path, temporary: Path) -> Run:
    """The command, watched, with a home folder and a folder for temporary files of its own."""
    home = place.with_name("home")
    home.mkdir()

    def run(*arguments: object, program: Sequence[str] = ("-m", "hilum"), **environment: str) -> Watched:
        own = {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        path = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
        return watch([sys.executable, *program, *arguments], place, {**own, **path, **environment})

    return run


def test_every_verb_is_watched(hilum: Hilum) -> None:
    assert hilum("--help").returncode == 0  # which imports them all
    single = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    groups = {group.name for group in app.registered_groups}
    assert set(COMMANDS) == single | groups


@pytest.mark.parametrize("verb", QUICK)
def test_a_quick_verb_reaches_nothing_and_writes_where_it_may(run: Run, allowed: tuple[Path, ...], verb: str) -> None:
    check(run, allowed, verb)


@pytest.mark.slow
def test_no_verb_reaches_anything_or_writes_where_it_may_not(run: Run, allowed: tuple[Path, ...]) -> None:
    for verb in COMMANDS:
        check(run, allowed, verb)


def check(run: Run, allowed: tuple[Path, ...], verb: str) -> None:
    for command in COMMANDS[verb]:
        done = run(*command.split())
        assert done.code == 0, f"{command}\n{done.output}"
        assert not done.reached, command
        assert not done.outside(*allowed), command
        assert not list(allowed[-1].iterdir()), f"{command} leaves temporary files"


@pytest.mark.slow
def test_a_service_that_answers_listens_on_this_machine_alone_and_writes_where_it_may(
    place: Path, run: Run, temporary: Path
) -> None:
    film = next((place / "films" / "test").rglob("*.jpeg"))
    done = run(8470, film, program=[served.__file__])  # in a network of its own, where every port is free
    assert done.code == 0, done.output
    assert not done.reached
    assert not done.outside(place / "served")
    assert not list(temporary.iterdir())


@pytest.mark.slow
def test_a_node_that_answers_speaks_to_this_machine_alone_and_writes_where_it_may(
    place: Path, run: Run, temporary: Path
) -> None:
    """DBOS' conductor and telemetry would be connections to other machines, or questions to a name server."""
    film = save(place / "film.dcm", radiograph())
    done = run(11112, film, program=[noded.__file__])
    assert done.code == 0, done.output
    assert '"answered"' in done.output
    assert not done.reached
    assert not done.outside(place / "noded")
    assert not list(temporary.iterdir())


def test_predicting_keeps_nothing_in_the_home_folder(run: Run) -> None:
    done = run("predict", "shipped", "films/test/NORMAL")
    assert done.code == 0, done.output
    assert not done.reached
    assert not done.written


def test_the_guard_sees_telemetry(run: Run, allowed: tuple[Path, ...]) -> None:
    """ONNX Runtime's own, switched on: a device id and a queue of events below the home folder."""
    done = run("predict", "shipped", "films/test/NORMAL", ORT_DISABLE_TELEMETRY="0")
    assert done.code == 0, done.output
    assert {path.name for path in done.outside(*allowed)} & {"deviceid", "onnxruntime.db"}


@pytest.mark.parametrize(
    ("statement", "reached"),
    [
        ("socket.create_connection(('192.0.2.1', 443), timeout=1)", "connect 192.0.2.1 port 443"),
        ("socket.socket(socket.AF_INET6).connect(('2001:db8::1', 443))", "connect 2001:db8::1 port 443"),
        ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))", "sendto 192.0.2.1 port 9"),
        ("socket.socket().bind(('0.0.0.0', 0))", "bind 0.0.0.0 port 0"),
        ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.53', 53))", "sendto 127.0.0.53 port 53"),
        ("socket.socket().bind(('127.0.0.1', 0))", ""),
    ],
)
def test_the_guard_sees_sockets_beyond_this_machine(tmp_path: Path, statement: str, reached: str) -> None:
    done = watch([sys.executable, "-c", f"import socket; {statement}"], tmp_path, {})
    assert done.reached == ({reached} if reached else set())


def test_the_guard_sees_what_is_written_and_removed(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "old").touch()
    statements = (
        "open('in', 'w'); os.mkdir('../made'); os.rename('in', '../moved'); os.remove('../old'); os.stat('/')"
    )
    done = watch([sys.executable, "-c", f"import os; {statements}"], work, {"PYTHONDONTWRITEBYTECODE": "1"})
    assert done.code == 0, done.output
    assert done.outside(work) == {tmp_path / name for name in ("made", "moved", "old")}
