from __future__ import annotations

import contextlib
import csv
import gzip
import io
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum import films
from hilum.errors import LayoutError, RequestError
from hilum.records import Film, read_manifest, write_manifest
from tests.films.conftest import Lay

NIH = "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position\n"


def test_common_column_names_are_found_in_any_case(lay: Lay) -> None:
    root = lay("a.png", "b.png")
    table = root / "t.csv"
    table.write_text(
        "File_Name,Class,Subject-ID,Split,Cause,View,Age,Sex\na.png,X,p1,Valid,virus,PA,4,F\nb.png,Y,p2,TRAIN,,,,\n"
    )
    one, two = films.index(table, cut=False)
    assert (one.path, one.label, one.patient, one.split) == (str(root / "a.png"), "X", "p1", "val")
    assert (one.subtype, one.view, one.age, one.sex) == ("virus", "PA", "4", "F")
    assert (two.label, two.split, two.subtype) == ("Y", "train", "")


def test_uncommon_columns_are_named_by_the_person(lay: Lay) -> None:
    table = lay("a.png", "b.png") / "t.csv"
    table.write_text("what,where,who\nX,a.png,p1\nY,b.png,p2\n")
    with pytest.raises(
        LayoutError, match=r"known name for the path; name it with hilum index --path-column; .*: what, where, who"
    ):
        films.index(table)
    index = films.index(table, path_column="where", label_column="WHAT", patient_column="who", cut=False)
    assert [(film.label, film.patient) for film in index] == [("X", "p1"), ("Y", "p2")]


def test_nih_labels_become_classes_and_the_others_stay_unlabelled(lay: Lay) -> None:
    root = lay("images_001/images/1.png", "images_002/images/2.png", "images_002/images/3.png")
    (root / "Data_Entry.csv").write_text(
        NIH + "1.png,Edema|Pneumonia,7,058Y,M,PA\n2.png,No Finding,8,20,F,AP\n3.png,Edema,9,20,F,AP\n"
    )
    index = films.index(root / "Data_Entry.csv", cut=False)
    assert [film.label for film in index] == ["PNEUMONIA", "NORMAL", ""]
    assert index.films[0] == Film(
        str(root / "images_001/images/1.png"), "PNEUMONIA", patient="7", sha256=index.films[0].sha256,
        view="PA", age="058Y", sex="M",
    )  # fmt: skip
    assert "1 film unlabelled (neither Pneumonia nor No Finding)" in index.notes[0]


def test_unlabelled_films_enter_no_split(lay: Lay) -> None:
    table = lay("a.png", "b.png", "c.png") / "t.csv"
    table.write_text("path,label,patient\na.png,X,1\nb.png,,2\nc.png,X,3\n")
    assert films.index(table).films[1].split == ""


def test_other_spellings_of_csv_are_read(lay: Lay) -> None:
    root = lay("a.png", "sub/b.png", "c d.png")
    (root / "t.csv").write_bytes('\ufeffpath;label\r\n\r\na.png;Ü\r\nsub\\b.png;Y\r\n"c d.png";Y\r\n'.encode())
    assert [film.label for film in films.index(root / "t.csv", cut=False)] == ["Ü", "Y", "Y"]
    (root / "t.tsv").write_text("path\tlabel\na.png\tX,1\n")
    assert films.index(root / "t.tsv", cut=False).labels == ("X,1",)


def test_kermanys_names_are_read_in_tables_too(lay: Lay) -> None:
    table = lay("person1_virus_6.jpeg") / "t.csv"
    table.write_text("path,label\nperson1_virus_6.jpeg,X\n")
    (film,) = films.index(table, cut=False)
    assert (film.patient, film.subtype) == ("person1_virus", "virus")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("path,label\n", "a header but no rows"),
        ("a.png,X\nb.png,Y\n", r"the columns are: a\.png, X"),
        ("path,label,label\na.png,X,X\n", "the header has label twice"),
        ("path,filename,label\na.png,a.png,X\n", "'path' and 'filename' could both be the path; .*--path-column"),
        ("path,label\na.png,X,Z\n", "line 2 has 3 fields, the header 2"),
        ("path,label\na.png,X\n,Y\n", "line 3 has no path"),
        ("path,label\na.png,X\n\n./a.png,Y\n", "lines 2 and 4 both list"),
        ("path,label,split\na.png,X,holdout\n", "line 2 has the split 'holdout'"),
        ("path,label\na.png,\nb.png,\n", "no film has a label"),
        ("path,label\n1.png,X\n2.png,X\n3.png,X\n4.png,X\n", r"4 of 4 images not found \(1.+3\.png and 1 more"),
        ("path,label\nd.png,X\n", "more than once"),
        ("path,label\n\"a.png,X\n", "line 2: not a readable CSV"),
        ("path,label\na\0.png,X\n", "1 of 1 image not found"),
    ],
)  # fmt: skip
def test_a_table_with_a_mistake_is_refused_where_it_is(lay: Lay, text: str, says: str) -> None:
    table = lay("a.png", "b.png", "x/d.png", "y/d.png") / "t.csv"
    table.write_text(text)
    with pytest.raises(LayoutError, match=says) as refused:
        films.index(table)
    assert "t.csv" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_text_in_another_encoding_is_refused(lay: Lay) -> None:
    table = lay("a.png") / "t.csv"
    table.write_bytes("path,label\na.png,Ü\n".encode("latin-1"))
    with pytest.raises(LayoutError, match="not UTF-8 text"):
        films.index(table)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
def test_unicode_says_itself_how_it_is_written(lay: Lay, encoding: str) -> None:
    root = lay("a.png", "b.png")
    (root / "t.csv").write_bytes("path\tlabel\na.png\tÜ\nb.png\tY\n".encode(encoding))
    assert [film.label for film in films.index(root / "t.csv", cut=False)] == ["Ü", "Y"]


def test_columns_are_for_tables(lay: Lay) -> None:
    with pytest.raises(LayoutError, match="only tables"):
        films.index(lay("A/1.png"), patient_column="who")
    table = lay("a.png") / "t.csv"
    table.write_text("path,label\na.png,X\n")
    with pytest.raises(LayoutError, match="--patient-column 'who' is not a column; the columns are: path, label"):
        films.index(table, patient_column="who")


class TestManifest:
    """A manifest that Hilum wrote comes back as it is."""

    def test_it_reads_back_with_its_splits(self, lay: Lay) -> None:
        root = lay("A/IM-1-1.png", "A/IM-2-1.png", "B/IM-3-1.png", "B/IM-4-1.png")
        first = films.index(root, val_fraction=0.5)
        write_manifest(first, root / "manifest.csv")
        again = films.index(root / "manifest.csv", val_fraction=0.1, seed=9)
        assert again.films == first.films == read_manifest(root / "manifest.csv").films

    def test_one_without_splits_can_be_cut(self, lay: Lay) -> None:
        root = lay("A/IM-1-1.png", "A/IM-2-1.png", "B/IM-3-1.png", "B/IM-4-1.png")
        write_manifest(films.index(root, cut=False), root / "manifest.csv")
        assert {film.split for film in films.index(root / "manifest.csv")} == {"train", "val"}

    def test_films_that_went_are_named(self, lay: Lay) -> None:
        root = lay("A/1.png", "B/2.png")
        write_manifest(films.index(root, cut=False), root / "manifest.csv")
        (root / "B" / "2.png").unlink()
        with pytest.raises(LayoutError, match=r"1 film of 2 missing: .*2\.png"):
            films.index(root / "manifest.csv")

    def test_a_split_of_another_name_is_refused(self, lay: Lay) -> None:
        root = lay("A/1.png", "B/2.png")
        write_manifest(films.index(root, cut=False).where(lambda film: True), root / "manifest.csv")
        text = (root / "manifest.csv").read_text().replace(",A,,,,", ",A,,,holdout,")
        (root / "manifest.csv").write_text(text)
        with pytest.raises(LayoutError, match="split 'holdout'"):
            films.index(root / "manifest.csv")


def test_the_real_nih_table(shared: Path) -> None:
    index = films.index(shared / "data" / "nih_sample" / "Data_Entry.csv", cut=False)
    assert len(index) == 513
    assert len({film.patient for film in index}) == 339
    assert index.labels == ("NORMAL", "PNEUMONIA")
    assert {film.split for film in index} == {""}


class TestRowsOfOneFilm:
    """Several rows of a film are merged where they agree; where not, the question is put."""

    def test_rows_that_agree_are_merged(self, lay: Lay) -> None:
        table = lay("a.png", "b.png") / "t.csv"
        table.write_text("path,label,patient,age\na.png,X,p1,\nb.png,Y,p2,7\n./a.png,X,p1,5\na.png,,,\n")
        index = films.index(table, cut=False)
        assert [(film.label, film.patient, film.age) for film in index] == [("X", "p1", "5"), ("Y", "p2", "7")]
        assert any("1 film in several rows each; merged" in note for note in index.notes)

    @pytest.mark.parametrize(
        ("rows", "says"),
        [
            ("a.png,X,p1,train\na.png,Y,p1,train\n", r"lines 2 and 3 both list a\.png, as X and as Y; .*--class"),
            ("a.png,X,p1,train\na.png,X,p2,train\n", "with the patient p1 and p2; correct one"),
            ("a.png,X,p1,train\na.png,X,p1,test\n", "with the split train and test"),
        ],
    )
    def test_rows_that_contradict_each_other_are_named(self, lay: Lay, rows: str, says: str) -> None:
        table = lay("a.png") / "t.csv"
        table.write_text(f"path,label,patient,split\n{rows}")
        with pytest.raises(LayoutError, match=says):
            films.index(table)


class TestFindings:
    """Lists of findings, and a column of marks for each."""

    @pytest.mark.parametrize(
        "cells",
        [
            ("Edema|Pneumonia", "No Finding", "Edema"),
            ("\"['edema', 'pneumonia']\"", "['no finding']", "['edema']"),
            ('"[""Edema"", ""Pneumonia""]"', '"[""No finding""]"', '"[""Edema""]"'),
            ("Edema;Pneumonia", "No Finding", "Edema"),
            ('"Edema, Pneumonia"', "No Finding", "Edema"),
        ],
    )
    def test_a_column_of_lists_is_said_to_be_one(self, lay: Lay, cells: tuple[str, str, str]) -> None:
        table = lay("1.png", "2.png", "3.png") / "t.csv"
        table.write_text("path,label\n" + "".join(f"{n}.png,{cell}\n" for n, cell in enumerate(cells, start=1)))
        with pytest.raises(LayoutError, match=r"the column 'label' holds lists of findings .*--class 'PNEUMONIA="):
            films.index(table, cut=False)
        index = films.index(table, cut=False, class_names={"PNEUMONIA": ["pneumonia"]})
        assert [film.label for film in index] == ["PNEUMONIA", "NORMAL", ""]
        assert any("'label' is a list of findings: NORMAL is No Finding" in note for note in index.notes)
        assert any("1 film unlabelled (neither pneumonia nor No Finding)" in note for note in index.notes)

    def test_a_label_with_a_comma_is_no_list(self, lay: Lay) -> None:
        table = lay("1.png", "2.png") / "t.csv"
        table.write_text('path;label\n1.png;"Pneumonia, viral"\n2.png;Normal\n')
        assert films.index(table, cut=False).labels == ("Normal", "Pneumonia, viral")

    def test_a_row_a_finding_is_a_list_over_rows(self, lay: Lay) -> None:
        table = lay("1.png", "2.png", "3.png") / "t.csv"
        table.write_text("path,label\n1.png,Edema\n1.png,Pneumonia\n2.png,No Finding\n3.png,Edema\n3.png,Mass\n")
        with pytest.raises(LayoutError, match="lines 2 and 3 both list"):
            films.index(table, cut=False)
        index = films.index(table, cut=False, class_names={"PNEUMONIA": ["pneumonia"]})
        assert [film.label for film in index] == ["PNEUMONIA", "NORMAL", ""]
        assert any("a row a finding, several for a film" in note for note in index.notes)

    def test_columns_of_marks_are_findings(self, lay: Lay) -> None:
        table = lay("1.png", "2.png", "3.png") / "t.csv"
        table.write_text("filename,Edema,Pneumonia,No Finding\n1.png,1,1,0\n2.png,0,0,1\n3.png,,-1,\n")
        assert [film.label for film in films.index(table, cut=False)] == ["PNEUMONIA", "NORMAL", ""]
        sure = films.index(table, cut=False, uncertain="positive")
        assert [film.label for film in sure] == ["PNEUMONIA", "NORMAL", "PNEUMONIA"]

    @pytest.mark.parametrize("column", [None, "Pneumonia"])
    def test_one_column_of_marks_is_the_label(self, lay: Lay, column: str | None) -> None:
        table = lay("1.png", "2.png", "3.png", "4.png") / "t.csv"
        other = "Age,No Finding," if column else ""
        values = ["7,1,", "7,1,", "7,,", "7,,"] if column else [""] * 4
        rows = [f"{n}.png,{v}{mark}\n" for n, v, mark in zip("1234", values, ("1", "0", "-1.0", ""), strict=True)]
        table.write_text(f"file,{other}Pneumonia\n" + "".join(rows))
        index = films.index(table, cut=False, label_column=column)
        assert [film.label for film in index] == ["PNEUMONIA", "NORMAL", "", ""]
        assert any("1 is PNEUMONIA, 0 NORMAL" in note for note in index.notes)

    def test_a_misspelt_finding_is_named(self, lay: Lay) -> None:
        table = lay("1.png") / "t.csv"
        table.write_text("path,label\n1.png,Edema|Pneumonia\n")
        with pytest.raises(RequestError, match="no film has the class pnuemonia; the films have: Edema, Pneumonia"):
            films.index(table, cut=False, class_names={"PNEU": ["pnuemonia"]})


class TestColumns:
    def test_a_split_of_another_name_is_named_and_can_be_used(self, lay: Lay) -> None:
        table = lay("a.png", "b.png") / "t.csv"
        table.write_text("path,label,Dataset_type,PatientNumber,Verdict\na.png,X,TRAIN,7,u\nb.png,Y,validate,8,v\n")
        index = films.index(table, cut=False)
        said = "\n".join(index.notes)
        assert (
            "'Dataset_type' looks like the split and was not used; to use it: --split-column 'Dataset_type'" in said
        )
        assert "'PatientNumber' looks like the patient and was not used" in said
        assert {film.split for film in index} == {""}
        index = films.index(table, cut=False, split_column="dataset type", patient_column="PatientNumber")
        assert [(film.split, film.patient) for film in index] == [("train", "7"), ("val", "8")]
        assert not index.notes

    def test_lateral_views_are_left_out_and_counted(self, lay: Lay) -> None:
        table = lay("a.png", "b.png", "c.png") / "t.csv"
        table.write_text("path,label,view\na.png,X,PA\nb.png,X,Lateral\nc.png,Y,\n")
        index = films.index(table, cut=False)
        assert len(index) == 2
        assert any("1 film left out (a lateral view: LATERAL)" in note for note in index.notes)


class TestPaths:
    """Wherever a table was made, its films are found; never another film in their place."""

    @pytest.mark.parametrize(
        "written",
        ["films/NORMAL/a", "films\\NORMAL\\a.png",
         "D:\\data\\set\\films\\NORMAL\\a.png", "/home/x/set/films/NORMAL/a.png",
         "set/films/NORMAL/a.png", "old name/films/NORMAL/a.png", "a", "a.png"],
    )  # fmt: skip
    def test_ways_of_writing_a_path(self, lay: Lay, written: str) -> None:
        root = lay("films/NORMAL/a.png", "films/NORMAL/b.png")
        other = re.sub(r"a(\.png)?$", r"b\1", written)
        (root / "t.csv").write_text(f"path,label\n{written},X\n{other},X\n")
        assert films.index(root / "t.csv", cut=False).films[0].path == str(root / "films/NORMAL/a.png")

    def test_a_film_of_another_split_is_not_taken(self, lay: Lay) -> None:
        root = lay("train/1.png", "train/2.png")
        (root / "t.csv").write_text("path,label\nset/test/1.png,X\nset/test/2.png,X\n")
        with pytest.raises(LayoutError, match="2 of 2 images not found"):
            films.index(root / "t.csv", cut=False)

    def test_identifiers_with_dots_are_found_by_their_whole_name(self, lay: Lay) -> None:
        root = lay("x/1.2.840.113.dcm", "x/1.2.840.114.dcm")
        (root / "t.csv").write_text("path,label\n1.2.840.113,X\n1.2.840.114,Y\n")
        assert [Path(film.path).name for film in films.index(root / "t.csv", cut=False)] == [
            "1.2.840.113.dcm",
            "1.2.840.114.dcm",
        ]


class TestFiles:
    @pytest.mark.parametrize("name", ["t.csv.gz", "t.txt", "t.tsv.gz"])
    def test_packed_and_plain_text(self, lay: Lay, name: str) -> None:
        root = lay("a.png", "b.png")
        content = b'sep=;\r\npath;label\r\na.png;"X\r\n1"\r\nb.png;Y\r\n'
        (root / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
        assert [film.label for film in films.index(root / name, cut=False)] == ["X\r\n1", "Y"]

    @pytest.mark.parametrize(
        ("name", "content", "says"),
        [
            ("t.xlsx", b"PK\x03\x04", "a workbook.*Save As.*CSV UTF-8"),
            ("t.csv", b"PK\x03\x04", "a zip archive or a workbook"),
            ("t.xls", b"\xd0\xcf\x11\xe0", "a workbook"),
            ("t.csv.gz", b"\x1f\x8b\x08", "not a complete gzip file"),
            ("t.txt", b"", "empty"),
        ],
    )
    def test_what_is_no_text_is_refused_in_one_line(self, lay: Lay, name: str, content: bytes, says: str) -> None:
        table = lay("a.png") / name
        table.write_bytes(content)
        with pytest.raises(LayoutError, match=says) as refused:
            films.index(table)
        assert "\n" not in str(refused.value)


_WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), max_size=12)
_FILES = ("a.png", "b", "./a.png", "sub\\c.png", "C.PNG", "c.jpg", " b.png ")
_CELLS = _WORDS | st.sampled_from(
    ["X", "No Finding", "A|B",
      "['a', 'b']", "[[", "1", "-1", "0.0", "nan", "train", "TEST", "PA", "Lateral", "Normal"]
)  # fmt: skip
_HEADERS = st.tuples(
    st.sampled_from(["path", "Image Index", "image_id", "patientId", "Filename", "ImageID", "X_ray_image_name"]),
    st.sampled_from(["label", "Finding Labels", "Pneumonia", "Target", "class", "Labels", "Label", "EncodedPixels"]),
    st.lists(
        st.sampled_from(["patient", "split", "view", "No Finding", "age", "Dataset_type", "rad_id", "", "class"])
        | _WORDS,
        max_size=4,
        unique_by=str.strip,
    ),
).map(lambda parts: [parts[0], parts[1], *(name for name in parts[2] if name.strip() not in parts[:2])])


@settings(max_examples=150, deadline=None)
@given(
    header=_HEADERS,
    rows=st.lists(st.tuples(st.sampled_from(_FILES) | _WORDS, st.lists(_CELLS, min_size=5, max_size=5)), max_size=5),
    separator=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    packed=st.booleans(),
)
def test_any_table_gives_films_or_one_line(
    tmp_path_factory: pytest.TempPathFactory,
    header: list[str], rows: list[tuple[str, list[str]]], separator: str, encoding: str, packed: bool,
) -> None:  # fmt: skip
    root = tmp_path_factory.mktemp("t")
    for name in ("a.png", "b.png", "sub/c.png"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(name)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator)
    writer.writerow(header)
    writer.writerows([file, *cells[: len(header) - 1]] for file, cells in rows)
    content = text.getvalue().encode(encoding)
    table = root / "t.csv"
    table.write_bytes(gzip.compress(content) if packed else content)
    index = None
    with contextlib.suppress(RequestError):
        index = films.index(table, cut=False)
    if index is None:
        with pytest.raises(RequestError) as refused:
            films.index(table, cut=False)
        assert "\n" not in str(refused.value)
        return
    assert len({film.path for film in index}) == len(index) > 0
    assert all(Path(film.path).is_file() for film in index)
    assert not any("\n" in note for note in index.notes)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=300), ending=st.sampled_from([".csv", ".tsv", ".txt", ".csv.gz", ".xlsx"]))
def test_any_bytes_give_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str) -> None:
    table = tmp_path_factory.mktemp("t") / f"t{ending}"
    table.write_bytes(content)
    with pytest.raises(RequestError) as refused:
        films.index(table, cut=False)
    assert "\n" not in str(refused.value)
