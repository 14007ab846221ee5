"""`hilum audit` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.auditing.conftest import film, save
from tests.cli.conftest import Hilum, refusal


def lay(root: Path, number: int = 6) -> Path:
    for each in range(number):
        path = root / "AB"[each % 2] / f"p{each}_1.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, film(each))
    return root


def test_a_short_summary_worst_first_and_two_files(hilum: Hilum, tmp_path: Path) -> None:
    root = lay(tmp_path / "set")
    (root / "A" / "p0_2.png").write_bytes((root / "A" / "p0_1.png").read_bytes())
    done = hilum("audit", "set", "--out", "out", "--patient-pattern", r"(?P<patient>p\d+)_")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "7 films audited in set"
    assert "   1 film more than once, byte for byte, 1 in excess, 1 pair: A/p0_1.png = A/p0_2.png; " in done.stdout
    assert "-- Not checked" in lines
    assert "6 patients, 1 of them with several films (most: p0 with 2)" in done.stdout
    assert done.stderr.strip() == "Next: open out/audit.html"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["audit.html", "audit.json"]
    printed = hilum("audit", "set", "--json", "--patient-pattern", r"(?P<patient>p\d+)_")
    assert json.loads(printed.stdout) == json.loads((tmp_path / "out" / "audit.json").read_text())


def test_a_manifest_with_a_leak(hilum: Hilum, tmp_path: Path) -> None:
    lay(tmp_path / "set")
    (tmp_path / "films.csv").write_text(
        "path,label,patient,split\n"
        + "".join(
            f"set/{'AB'[n % 2]}/p{n}_1.png,{'AB'[n % 2]},q{n // 2},{'train' if n % 4 else 'val'}\n" for n in range(6)
        )
    )
    done = hilum("audit", "films.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:3] == [
        "-- To fix first",
        "   patient q0 is in train and in val, so val looks better than it is; put all its films into one split",
    ]
    assert not list(tmp_path.glob("audit.*"))


def test_films_that_cannot_be_read_are_named_and_the_code_is_1(hilum: Hilum, tmp_path: Path) -> None:
    root = lay(tmp_path / "set")
    (root / "A" / "text.png").write_text("not a film")
    (root / "B" / "empty.png").write_bytes(b"")
    done = hilum("audit", "set")
    assert done.returncode == 1
    assert done.stdout.startswith("6 films audited in set\n-- To fix first\n   2 films cannot be read: ")
    named = [line for line in done.stderr.splitlines() if line.startswith("hilum: ")]
    assert [line.split(":")[1].strip() for line in named] == ["set/A/text.png", "set/B/empty.png"]
    assert "Traceback" not in done.stderr


def test_requests_that_cannot_be_carried_out(hilum: Hilum, tmp_path: Path) -> None:
    assert "no such folder" in refusal(hilum("audit", "nowhere"), 2)
    root = lay(tmp_path / "set")
    assert "no such predictions" in refusal(hilum("audit", "set", "--predictions", "none.csv"), 2)
    (root / "B" / "p0_1.png").write_bytes((root / "A" / "p0_1.png").read_bytes())
    assert "with two labels; remove the wrong one" in refusal(hilum("audit", "set"), 2)


def test_labels_are_held_against_predictions(hilum: Hilum, tmp_path: Path) -> None:
    lay(tmp_path / "set")
    sure = {n: 0.9 if (n % 2 == 1) ^ (n == 4) else 0.1 for n in range(6)}
    rows = [f"set/{'AB'[n % 2]}/p{n}_1.png,,{1 - prob},{prob},A,0.5,,," for n, prob in sure.items()]
    header = "path,label,prob_A,prob_B,prediction,threshold,patient,split,error"
    (tmp_path / "predictions.csv").write_text("\n".join([header, *rows]) + "\n")
    done = hilum("audit", "set", "--predictions", "predictions.csv")
    assert done.returncode == 0, done.stderr
    assert (
        "1 film may have the wrong label, according to the detector whose predictions were given: A/p4_1.png is A"
        in done.stdout
    )


def test_an_index_says_what_its_files_give_away(hilum: Hilum, tmp_path: Path) -> None:
    for number in range(40):
        path = tmp_path / "set" / ("NORMAL", "PNEUMONIA")[number % 2] / f"{number}.jpeg"
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, film(number, side=32), (95, 60)[number % 2])
    done = hilum("index", "set", "--split-by", "film")
    assert done.returncode == 0, done.stderr
    assert "note: JPEG quantisation alone tells PNEUMONIA from the other films with an AUROC of 1.000" in done.stderr
    assert "note: all 32×32; JPEG 40; 8 bits 40" in done.stderr
