"""More films than one machine should read: the same rows as `Detector.predict`, whatever happens on the way."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hilum import films
from hilum.cli import app
from hilum.cli import predict as verb  # noqa: F401  (is added to app)
from hilum.errors import LayoutError, RequestError
from hilum.inference import Detector
from hilum.locks import sole_writer
from hilum.records import Film, Manifest, Prediction, Predictions, write_manifest
from tests.bundle.conftest import make
from tests.conftest import WriteFilm
from tests.ports import free_port

ray = pytest.importorskip("ray", reason='pip install "hilum[ray]"')
pyarrow = pytest.importorskip("pyarrow")

from pyarrow import parquet  # noqa: E402

from hilum.inference import cluster, cluster_connection, parts  # noqa: E402
from hilum.inference.cluster_connection import connect  # noqa: E402
from hilum.inference.film_list import FilmList  # noqa: E402

PARTS = 3  # of 32 films each, the last one smaller


@pytest.fixture(scope="module")
def two_workers() -> Iterator[None]:
    """A Ray cluster on this machine; where a busy one does not start it in time, a second try."""
    with ExitStack() as stack:
        try:
            stack.enter_context(connect("local", cores=2))
        except RequestError:
            stack.enter_context(connect("local", cores=2))
        yield


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("cluster") / "bundle").folder


@pytest.fixture
def found(tmp_path: Path, write_film: WriteFilm) -> Manifest:
    """Films with all that a row says of them; one is no film."""
    kinds = [write_film(tmp_path / "kinds" / f"{number}.png", number).read_bytes() for number in range(5)]
    listed = []
    for number in range(32 * PARTS - 20):
        path = tmp_path / "in" / f"film {number:03}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(kinds[number % 5] if number != 40 else b"no film")
        listed.append(Film(str(path), "PNEUMONIA" if number % 2 else "NORMAL", "", f"00{number}", "test"))
    return Manifest(tuple(listed))


def rows(out: Path) -> list[dict[str, object]]:
    """All rows, the parts in the order of their names."""
    return [row for part in sorted(out.glob("*.parquet")) for row in parquet.read_table(part).to_pylist()]


def expected(predictions: Predictions) -> list[dict[str, object]]:
    return [
        {
            "path": row.film.path,
            "label": row.film.label,
            "prob_NORMAL": pytest.approx(row.probs[0], abs=1e-6) if row.probs else None,
            "prob_PNEUMONIA": pytest.approx(row.probs[1], abs=1e-6) if row.probs else None,
            "prediction": row.prediction,
            "threshold": pytest.approx(predictions.threshold),
            "patient": row.film.patient,
            "split": row.film.split,
            "plausible": "|".join(row.plausible),
            "flags": "; ".join(row.flags),
            "error": row.error,
            "answer": row.answer,
            "why": row.why,
            "remarks": "; ".join(row.remarks),
        }
        for row in predictions
    ]


def ages(out: Path) -> dict[str, int]:
    return {part.name: part.stat().st_mtime_ns for part in out.glob("*.parquet")}


@pytest.mark.slow
def test_gives_the_rows_of_predict_and_goes_on_where_it_stopped(
    two_workers: None, bundle: Path, found: Manifest, tmp_path: Path, write_film: WriteFilm
) -> None:
    out, listed = tmp_path / "scores", tmp_path / "manifest.csv"
    write_manifest(found, listed)
    scored = cluster.predict_on_cluster(listed, out, bundle)
    assert (scored.films, scored.before, scored.failed, scored.lost) == (len(found), 0, 1, ())
    assert [Path(path).name for path, _ in scored.failures] == ["film 040.png"]
    undisturbed = expected(Detector(bundle).predict(found))
    assert rows(out) == undisturbed
    assert {path.name for path in out.iterdir()} == set(ages(out))

    # What a killed run leaves: a part missing, another half written.
    written = ages(out)
    first, second, third = sorted(out.glob("*.parquet"))
    second.rename(out / f".{second.name}.77.tmp")
    scored = cluster.predict_on_cluster(FilmList(listed).source, out, bundle)
    assert (scored.before, scored.failed) == (len(found) - 32, 1)
    assert rows(out) == undisturbed
    assert {path.name for path in out.iterdir()} == set(written)
    assert [ages(out)[part.name] == written[part.name] for part in (first, second, third)] == [True, False, True]

    # The list has grown since.
    late = Film(str(write_film(tmp_path / "in" / "late.png", 9)))
    written = ages(out)
    scored = cluster.predict_on_cluster(Manifest((late, *found.films, late)), out, bundle)
    assert (scored.films, scored.before) == (len(found) + 1, len(found))
    assert {name: age for name, age in ages(out).items() if name in written} == written
    assert sorted(str(row["path"]) for row in rows(out)) == sorted([late.path, *(film.path for film in found)])


def test_another_bundle_or_prevalence_does_not_mix_with_what_is_there(
    bundle: Path, found: Manifest, tmp_path: Path
) -> None:
    one = parts.PartOrigin(seal="another")
    parts.write_part(Detector(bundle).predict(Manifest(found.films[:1])), one, tmp_path / "part-0.parquet")
    with pytest.raises(RequestError, match="of another bundle or --prevalence; name another --out"):
        cluster.predict_on_cluster(found, tmp_path, bundle)
    (tmp_path / "part-0.parquet").write_bytes(b"half")
    with pytest.raises(LayoutError, match="delete it to predict its films again"):
        cluster.predict_on_cluster(found, tmp_path, bundle)


def test_two_runs_in_one_folder_are_refused(bundle: Path, found: Manifest, tmp_path: Path) -> None:
    who = rf"process {os.getpid()} on .* is writing it"
    with sole_writer(tmp_path, folder=True), pytest.raises(RequestError, match=who):
        cluster.predict_on_cluster(found, tmp_path, bundle)


def test_an_address_where_nobody_answers_is_refused() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(RequestError, match=f"{address}: no Ray cluster answers"):
        cluster_connection._require_reachable(address)


def test_a_prevalence_that_cannot_be_used_is_refused_before_anything_starts(
    bundle: Path, found: Manifest, tmp_path: Path
) -> None:
    with pytest.raises(RequestError, match="it does not record that of its validation films"):
        cluster.predict_on_cluster(found, tmp_path / "out", bundle, prevalence=0.1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_gives_its_films(tmp_path: Path, suffix: str) -> None:
    table, columns = (
        tmp_path / f"films.{suffix}",
        {"patient": ["007", ""], "path": ["a, b.png", "/x/c.png"], "n": [1, 2]},
    )
    if suffix == "csv":
        table.write_text('\ufeffpatient,path,n\n007,"a, b.png",1\n,/x/c.png,2\n', encoding="utf-8")
    else:
        parquet.write_table(pyarrow.table(columns), table)
    assert list(FilmList(table)) == [Film(str(tmp_path / "a, b.png"), patient="007"), Film("/x/c.png")]


def test_a_table_that_names_no_films_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    for content, message in {
        "": "empty",
        "file,label\na.png,NORMAL\n": "no column path among file, label",
        "path,label\na.png,NORMAL\n,NORMAL\n": "row 2 has no path",
        "path,label\na.png,NORMAL\nb.png\n": "damaged after row",
    }.items():
        table.write_text(content)
        with pytest.raises(LayoutError, match=message):
            list(FilmList(table))
    with pytest.raises(LayoutError, match="no such list"):
        list(FilmList(tmp_path / "none.parquet"))
    table.write_text("path\n")
    with pytest.raises(LayoutError, match="names no film"):
        parts.plan_parts(
            FilmList(table), parts.read_finished(tmp_path, parts.PartOrigin(""), 1).digests, tmp_path / "plan"
        )


def test_a_list_is_cut_into_a_thousand_parts_or_so() -> None:
    assert [parts.part_size(films) for films in (1, 32_000, 320_000, 100_000_000)] == [32, 32, 312, 1024]


def test_names_that_are_not_unicode_are_judged_and_written_as_their_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(b"/in/\xff.png")
    plan = parts.plan_parts(
        FilmList(Manifest((Film(name),))),
        parts.read_finished(tmp_path, parts.PartOrigin(""), 1).digests,
        tmp_path / "p",
    )
    assert parts.read_planned(tmp_path / "p", 0) == [Film(name)]
    parts.write_part(Predictions(("A", "B"), 0.5, ()), parts.PartOrigin(""), tmp_path / plan.parts[0])
    assert parts.as_unicode(name) == r"/in/\udcff.png"


def test_films_that_could_not_be_read_are_planned_again_if_they_are_asked_for(tmp_path: Path) -> None:
    films = [Film(f"/in/{number}.png") for number in range(5)]
    bad = {1, 2, 4}
    predicted = [
        Prediction(film, error="gone") if number in bad else Prediction(film, (0.5, 0.5), "B")
        for number, film in enumerate(films)
    ]
    origin = parts.PartOrigin("seal")
    for name, some in (
        ("part-0-a.parquet", predicted[:2]),
        ("part-2-b.parquet", predicted[2:3]),
        ("part-3-c.parquet", predicted[3:]),
    ):
        parts.write_part(Predictions(("A", "B"), 0.5, tuple(some)), origin, tmp_path / name)
    asked = FilmList(Manifest(tuple(films[:4])))
    assert parts.plan_parts(asked, parts.read_finished(tmp_path, origin, 9).digests, tmp_path / "p").done == 4
    parts.take_out_failures(tmp_path, asked)
    found = parts.read_finished(tmp_path, origin, 9)
    assert found.failures == (("/in/4.png", "gone"),)
    plan = parts.plan_parts(asked, found.digests, tmp_path / "p")
    assert (plan.done, len(plan.parts)) == (2, 1)
    assert parts.read_planned(tmp_path / "p", 0) == films[1:3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p", "part-0-a.parquet", "part-3-c.parquet"]


def test_what_the_gate_stopped_is_counted_and_parts_without_answers_are_not_added_to(tmp_path: Path) -> None:
    rows = (
        Prediction(Film("a.png"), (0.9, 0.1), "A", answer="A", why="So."),
        Prediction(Film("b.png"), (0.9, 0.1), "A", flags=("looks like noise",), answer="not judged", why="So."),
        Prediction(Film("c.png"), error="damaged", answer="not judged", why="It could not be read: damaged."),
    )
    origin, part = parts.PartOrigin("seal"), tmp_path / "part-0.parquet"
    parts.write_part(Predictions(("A", "B"), 0.5, rows), origin, part)
    finished = parts.read_finished(tmp_path, origin, 5)
    assert (finished.failed, finished.stopped, finished.failures) == (1, 1, (("c.png", "damaged"),))
    table = parquet.read_table(part)
    assert table.column("answer").to_pylist() == ["A", "not judged", "not judged"]
    parquet.write_table(table.drop_columns(["answer", "why", "remarks"]), part)
    with pytest.raises(RequestError, match="by an earlier Hilum, without the columns answer, why, remarks; name ano"):
        parts.read_finished(tmp_path, origin, 5)


def test_without_ray_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "hilum.inference.cluster")
    with pytest.raises(RequestError, match=r'needs ray, which is not installed: pip install "hilum\[ray\]"'):
        import hilum.inference.cluster  # noqa: F401


@pytest.mark.slow
def test_the_command_joins_a_cluster_and_names_what_failed(
    two_workers: None, bundle: Path, found: Manifest, tmp_path: Path
) -> None:
    address = ray.get_runtime_context().gcs_address
    command = [sys.executable, "-c", "from hilum.cli import main; main()", "predict", bundle, tmp_path / "in"]
    options = ["--engine", "ray", "--out", tmp_path / "scores", "--address", address, "--json"]
    done = subprocess.run([*map(str, [*command, *options])], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    message = json.loads(done.stdout)
    assert (message["films"], message["judged_before"], message["failed"], message["lost_parts"]) == (
        len(found),
        0,
        1,
        [],
    )
    lines = done.stderr.splitlines()
    notes = [line for line in lines if line.startswith("note: ")]
    skipped = [f"note: {sentence}" for sentence in Detector(bundle).skipped]
    assert notes[-len(skipped) :] == skipped, "what of the rule of the answer this bundle cannot apply"
    first, *others = (line for line in lines if line not in notes)
    assert first == f"hilum: {found.films[40].path}: {rows(tmp_path / 'scores')[40]['error']}"
    assert len(others) == 2, others
    assert [row["label"] for row in rows(tmp_path / "scores")] == [""] * len(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["in", "--engine", "ray"], "name it with --out DIR"),
        (["in", "--engine", "ray", "--out", "a.csv"], "name it with --out DIR"),
        (["in", "films.csv", "--engine", "ray", "--out", "a"], "a list of films comes alone"),
        (["in", "--engine", "ray", "--out", "a", "--precision", "int8"], "computes in float32"),
        (["in", "--address", "a:1"], "--address goes with --engine ray"),
    ],
)
def test_requests_that_make_no_sense_are_refused(
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_film: WriteFilm
) -> None:
    monkeypatch.chdir(write_film(tmp_path / "in" / "film.png", 1).parents[1])
    done = CliRunner().invoke(app, ["predict", *options])
    assert isinstance(done.exception, RequestError)
    assert message in str(done.exception)


def test_a_part_that_no_worker_survives_is_left_out(bundle: Path, found: Manifest, tmp_path: Path) -> None:
    work, out = parts.PartOrigin(Detector(bundle).spec.seal), tmp_path / "scores"
    out.mkdir()
    plan = parts.plan_parts(FilmList(found), parts.read_finished(out, work, 1).digests, out / "plan")
    worker = cluster._Worker(cluster._Job(str(bundle), str(out), str(out / "plan"), work, None))
    (out / f".{plan.parts[0]}.tries").write_bytes(b"....")
    assert worker._predict_part(0, plan.parts[0])["lost"]
    answer = worker._predict_part(1, plan.parts[1])
    assert (answer["lost"], answer["failed"], answer["errno"]) == (False, 1, 0)
    assert list(ages(out)) == [plan.parts[1]]


def test_a_worker_with_another_bundle_or_a_disk_that_fails_says_so(bundle: Path, tmp_path: Path) -> None:
    job = cluster._Job(str(bundle), str(tmp_path), str(tmp_path / "plan"), parts.PartOrigin("another"), None)
    assert "another bundle here" in cluster._Worker(job)._predict_part(0, "part")["refusal"]
    work = parts.PartOrigin(Detector(bundle).spec.seal)
    answer = cluster._Worker(replace(job, work=work, out=str(tmp_path / "gone")))._predict_part(0, "part")
    assert (answer["errno"], Path(answer["where"]).parent.name) == (errno.ENOENT, "gone")


@pytest.mark.slow
def test_killed_workers_change_nothing(
    two_workers: None, bundle: Path, tmp_path: Path, write_film: WriteFilm
) -> None:
    kinds = [write_film(tmp_path / "in" / f"{number}.png", number, size=(800, 800)) for number in range(7)]
    for number in range(7, 320):
        (tmp_path / "in" / f"{number}.png").symlink_to(kinds[number % 7])
    found = films.find([tmp_path / "in"])
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    cluster.predict_on_cluster(found, undisturbed, bundle)

    killed: list[int] = []
    left: list[int] = []

    def kill() -> None:
        """Every worker, in the middle of a part, as soon as the first part is there."""
        while not ages(disturbed):
            time.sleep(0.005)
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it may end while we look
                title = (process / "cmdline").read_bytes()
                if title.startswith(b"ray::MapWorker") and _above(int(process.name), os.getpid()):
                    os.kill(int(process.name), signal.SIGKILL)
                    killed.append(int(process.name))
        left.append(10 - len(ages(disturbed)))

    killer = threading.Thread(target=kill)
    killer.start()
    scored = cluster.predict_on_cluster(found, disturbed, bundle)
    killer.join()
    assert killed
    assert left[0] > 0
    assert (scored.films, scored.before, scored.failed, scored.lost) == (320, 0, 0, ())
    assert sorted(ages(disturbed)) == sorted(ages(undisturbed))
    assert rows(disturbed) == rows(undisturbed)


def _above(process: int, ancestor: int) -> bool:
    """Whether a process that is still there descends from another."""
    try:
        while process > 1 and process != ancestor:
            process = int((Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return False
    return process == ancestor
