"""The pixel cache: every film once, right after any interruption, and cheap to open."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hilum.errors import FilmError, RequestError
from hilum.pixels import PixelCache, cache, chest_phantom, decode, hash_film, preprocess, read_square
from hilum.recipe import Pixels
from hilum.records import Film, Manifest
from hilum.rows import CHECKS_NAME, INDEX_NAME, ROWS_NAME
from hilum.rows.check import checksum, place_of
from tests.waiting import wait_until

SPEC = Pixels(size=32)


def write_films(folder: Path, number: int, first: int = 0) -> Manifest:
    folder.mkdir(parents=True, exist_ok=True)
    films = []
    for seed in range(first, first + number):
        path = folder / f"{seed}.png"
        levels = np.round(chest_phantom(seed, (40, 36)) * 255).astype(np.uint8)
        Image.fromarray(levels).save(path, compress_level=1)
        films.append(Film(str(path), sha256=hash_film(str(path))))
    return Manifest(tuple(films))


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return write_films(tmp_path / "films", 12)


def store_of(folder: Path) -> Path:
    (store,) = (folder / "pixels").iterdir()
    return store


def assert_right(opened: PixelCache, manifest: Manifest) -> None:
    for row, film in zip(opened.rows(manifest), manifest, strict=True):
        np.testing.assert_array_equal(opened.films[row], preprocess(decode(film.path), SPEC))


def test_every_film_has_its_row(manifest: Manifest, tmp_path: Path) -> None:
    opened = cache(manifest, SPEC, tmp_path / "cache")
    assert_right(opened, manifest)
    assert opened.films.shape == (12, 32, 32)
    assert opened.films.dtype == np.uint8
    assert opened.rows(manifest).dtype == np.int64
    assert opened.size == 32


def test_the_films_are_mapped_and_read_only(manifest: Manifest, tmp_path: Path) -> None:
    films = cache(manifest, SPEC, tmp_path).films
    assert isinstance(films, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        films[0] = 0


def test_a_complete_cache_needs_neither_films_nor_lock(manifest: Manifest, tmp_path: Path) -> None:
    before = np.array(cache(manifest, SPEC, tmp_path / "cache").films)
    for film in manifest:
        os.remove(film.path)
    (store_of(tmp_path / "cache") / "lock").unlink(missing_ok=True)
    after = cache(manifest, SPEC, tmp_path / "cache")
    np.testing.assert_array_equal(after.films, before)
    assert not (store_of(tmp_path / "cache") / "lock").exists()


def test_only_what_is_new_is_decoded(manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache(manifest, SPEC, tmp_path / "cache")
    more = write_films(tmp_path / "films", 3, first=100)
    decoded: list[str] = []

    def counted(path: str, *rest: Any) -> Any:
        decoded.append(path)
        return read_square(path, *rest)

    monkeypatch.setattr(sys.modules[cache.__module__], "read_square", counted)
    both = Manifest(more.films + manifest.films)
    assert_right(cache(both, SPEC, tmp_path / "cache"), both)
    assert sorted(decoded) == sorted(film.path for film in more)


def test_films_of_the_same_bytes_share_a_row(manifest: Manifest, tmp_path: Path) -> None:
    doubled = Manifest(manifest.films + manifest.films)
    opened = cache(doubled, SPEC, tmp_path)
    assert opened.films.shape[0] == 12
    np.testing.assert_array_equal(opened.rows(doubled)[:12], opened.rows(doubled)[12:])


def test_each_preprocessing_has_a_store_of_its_own(manifest: Manifest, tmp_path: Path) -> None:
    specs = [SPEC, Pixels(size=32, denoise="median"), Pixels(size=32, window=(40.0, 400.0)), Pixels(size=48)]
    for spec in specs:
        assert cache(manifest, spec, tmp_path).size == spec.size
    assert len(list((tmp_path / "pixels").iterdir())) == len(specs)


def test_the_folder_is_chosen_by_the_environment(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HILUM_CACHE", str(tmp_path / "elsewhere"))
    cache(manifest, SPEC)
    assert (store_of(tmp_path / "elsewhere") / ROWS_NAME).stat().st_size == 12 * 32 * 32


def test_workers_change_nothing(manifest: Manifest, tmp_path: Path) -> None:
    one = cache(manifest, SPEC, tmp_path / "one", workers=1)
    many = cache(manifest, SPEC, tmp_path / "many", workers=5)
    np.testing.assert_array_equal(one.films, many.films)


def test_unreadable_films_are_named_and_the_others_kept(manifest: Manifest, tmp_path: Path) -> None:
    damaged, missing, changed = manifest.films[2:5]
    Path(damaged.path).write_bytes(b"not a film")
    damaged_known = Film(damaged.path, sha256=hash_film(damaged.path))
    os.remove(missing.path)
    Path(changed.path).write_bytes(Path(manifest.films[0].path).read_bytes())
    films = Manifest((*manifest.films[:2], damaged_known, *manifest.films[3:]))
    with pytest.raises(FilmError) as caught:
        cache(films, SPEC, tmp_path / "cache")
    line = str(caught.value)
    assert line.startswith(f"{damaged.path}: a text file")
    assert f"2 more cannot be read: {missing.path}, {changed.path}" in line
    assert "the other 9 are in the cache: fix these films or remove their rows from the manifest" in line
    assert "\n" not in line
    good = films.where(lambda film: film not in (damaged_known, missing, changed))
    for film in good:
        os.remove(film.path)
    assert len(cache(good, SPEC, tmp_path / "cache").films) == 9


def test_many_unreadable_films_make_a_short_line(tmp_path: Path) -> None:
    films = [Film(f"{row}.png", sha256=hashlib.sha256(bytes([row])).hexdigest()) for row in range(50)]
    with pytest.raises(FilmError, match=r"49 more cannot be read: 1\.png, .*4\.png and 45 others; the other 0"):
        cache(Manifest(tuple(films)), SPEC, tmp_path)


def test_requests_that_cannot_be_carried_out(manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="lists no film"):
        cache(Manifest(()), SPEC, tmp_path)
    for sha256 in ("", "abc", "../" * 21 + "a"):
        with pytest.raises(RequestError, match="has no SHA-256 in the manifest; make it with: hilum index"):
            cache(Manifest((Film("a.png", sha256=sha256),)), SPEC, tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RequestError, match="HILUM_CACHE"):
        cache(manifest, SPEC, tmp_path / "file")
    opened = cache(manifest, SPEC, tmp_path)
    with pytest.raises(RequestError, match=r"9\.png: not in the pixel cache"):
        opened.rows(write_films(tmp_path / "more", 1, first=99))


BUILD = """
import csv, signal, sys, time
from pathlib import Path
import hilum.pixels
from hilum.recipe import Pixels
from hilum.records import read_manifest
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
module = sys.modules['hilum.pixels.pixel_cache']
if sys.argv[3] == "slowly":
    module._CHUNK = 4
    read = module.read_square
    def slow(*arguments):
        time.sleep(0.06)
        return read(*arguments)
    module.read_square = slow
if sys.argv[3] == "on a small disk":
    import resource
    module._CHUNK = 4
    resource.setrlimit(resource.RLIMIT_FSIZE, (10 * 32 * 32, 10 * 32 * 32))
module.cache(read_manifest(Path(sys.argv[1])), Pixels(size=32), Path(sys.argv[2]))
print("done", flush=True)
"""


def start_build(manifest: Manifest, folder: Path, how: str = "") -> subprocess.Popen[str]:
    from hilum.records import write_manifest

    path = folder.with_suffix(".csv")
    if not path.exists():
        write_manifest(manifest, path)
    arguments = [sys.executable, "-c", BUILD, str(path), str(folder), how]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_rows(folder: Path, number: int) -> None:
    def there() -> bool:
        return any(index.stat().st_size >= number * 65 for index in folder.glob(f"pixels/*/{INDEX_NAME}"))

    wait_until(there, what="the build does not get on")


def test_a_killed_build_leaves_no_wrong_row_and_is_continued(tmp_path: Path) -> None:
    manifest = write_films(tmp_path / "films", 80)
    build = start_build(manifest, tmp_path / "cache", "slowly")
    wait_for_rows(tmp_path / "cache", 8)
    build.send_signal(signal.SIGKILL)
    build.communicate()
    left = (store_of(tmp_path / "cache") / INDEX_NAME).read_text().split()
    assert 8 <= len(left) < 80
    with (store_of(tmp_path / "cache") / INDEX_NAME).open("a") as journal:
        journal.write("0123")  # and the last line half written
    opened = cache(manifest, SPEC, tmp_path / "cache")
    assert_right(opened, manifest)
    assert len(opened.films) == 80
    assert (store_of(tmp_path / "cache") / INDEX_NAME).read_text().split()[: len(left)] == left


def test_ctrl_c_keeps_what_was_decoded(tmp_path: Path) -> None:
    build = start_build(write_films(tmp_path / "films", 80), tmp_path / "cache", "slowly")
    wait_for_rows(tmp_path / "cache", 4)
    build.send_signal(signal.SIGINT)
    build.communicate()
    assert build.returncode != 0
    left = len((store_of(tmp_path / "cache") / INDEX_NAME).read_text().split())
    assert (store_of(tmp_path / "cache") / ROWS_NAME).stat().st_size == left * 32 * 32


def test_two_builders_at_once_make_one_cache(tmp_path: Path) -> None:
    manifest = write_films(tmp_path / "films", 40)
    builds = [start_build(manifest, tmp_path / "cache", "slowly") for _ in range(2)]
    for build in builds:
        assert build.communicate()[0] == "done\n"
    opened = cache(manifest, SPEC, tmp_path / "cache")
    assert_right(opened, manifest)
    assert len(opened.films) == 40


def test_a_builder_that_waits_says_so(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import threading

    from filelock import FileLock

    cache(manifest.where(lambda film: film is manifest.films[0]), SPEC, tmp_path / "cache")
    monkeypatch.setattr("hilum.locks._PATIENCE_SECONDS", 0.05)
    path, held = store_of(tmp_path / "cache") / "lock", threading.Event()

    def another_builder() -> None:
        with FileLock(path):
            held.set()
            wait_until(lambda: "waiting for another" in caplog.text)

    other = threading.Thread(target=another_builder)
    other.start()
    held.wait()
    assert_right(cache(manifest, SPEC, tmp_path / "cache"), manifest)
    other.join()
    assert "waiting for another Hilum process that writes to" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_is_one_line_and_the_store_stays_right(tmp_path: Path) -> None:
    manifest = write_films(tmp_path / "films", 40)
    build = start_build(manifest, tmp_path / "cache", "on a small disk")
    error = build.communicate()[1].strip().splitlines()[-1]
    assert "RequestError" in error
    assert "the pixel cache cannot be kept (File too large); make room for 1 MB more" in error
    left = (store_of(tmp_path / "cache") / INDEX_NAME).read_text().split()
    assert len(left) == 8
    assert_right(cache(manifest, SPEC, tmp_path / "cache"), manifest)


def test_a_hundred_thousand_films_open_at_once(tmp_path: Path) -> None:
    one = write_films(tmp_path / "films", 1)
    cache(one, SPEC, tmp_path / "cache")
    names = [f"{row:064x}" for row in range(100_000)]
    (store_of(tmp_path / "cache") / INDEX_NAME).write_text("".join(f"{name}\n" for name in names))
    os.truncate(store_of(tmp_path / "cache") / ROWS_NAME, len(names) * 32 * 32)
    rows = np.fromfile(store_of(tmp_path / "cache") / ROWS_NAME, np.uint8).reshape(-1, 32 * 32)
    place = place_of(store_of(tmp_path / "cache"))
    checks = [checksum(place, name, row.data) for name, row in zip(names, rows, strict=True)]
    np.array(checks, "<u4").tofile(store_of(tmp_path / "cache") / CHECKS_NAME)
    many = Manifest(tuple(Film(f"{name}.png", sha256=name) for name in names))
    opened = cache(many, SPEC, tmp_path / "cache")
    np.testing.assert_array_equal(opened.rows(many), np.arange(100_000))


@pytest.mark.parametrize("how", ["changed", "zeroed", "swapped", "line lost"])
def test_a_damaged_film_is_decoded_again_and_reported(
    manifest: Manifest, tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    cache(manifest, SPEC, tmp_path / "cache")
    films, lines = store_of(tmp_path / "cache") / ROWS_NAME, store_of(tmp_path / "cache") / INDEX_NAME
    rows = np.fromfile(films, np.uint8).reshape(-1, 32 * 32)
    match how:
        case "changed":
            rows[3, 77] ^= 4
        case "zeroed":
            rows[3] = 0
        case "swapped":
            rows[[3, 5]] = rows[[5, 3]]
        case _:
            lines.write_bytes(lines.read_bytes()[65:])
    rows.tofile(films)
    assert_right(cache(manifest, SPEC, tmp_path / "cache"), manifest)
    assert "of the pixel cache" in caplog.text
    caplog.clear()
    assert_right(cache(manifest, SPEC, tmp_path / "cache"), manifest)
    assert not caplog.text
