"""Windows that the standard does not allow, or that show nothing; pydicom and formulas of PS3.3 are the reference."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataelem import DataElement
from pydicom.uid import ImplicitVRLittleEndian

from hilum.errors import FilmError
from hilum.pixels import decode
from hilum.pixels.decode import decode_scaled
from hilum.pixels.pictures import Decoded
from tests.pixels.dicoms import dataset, stored_phantom, write

STORED = stored_phantom(12)


def shown(path: Path, **tags: Any) -> Decoded:
    ds = dataset(STORED, bits=12)
    for keyword, value in tags.items():
        if isinstance(value, DataElement):
            ds[value.tag] = value
        else:
            setattr(ds, keyword, value)
    return decode_scaled(write(path, ds), None, "", None)


def exact(centre: float, width: float, values: Any = STORED) -> Any:
    """PS3.3 C.11.2.1.3.2."""
    return np.clip((values.astype(np.float64) - centre) / width + 0.5, 0, 1)


def linear(centre: float, width: float, values: Any = STORED) -> Any:
    """PS3.3 C.11.2.1.2.1."""
    return np.clip((values.astype(np.float64) - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


def text(keyword: str, value: str) -> DataElement:
    """An element with text that is no number, as a careless writer leaves it."""
    from pydicom.datadict import tag_for_keyword

    return DataElement(tag_for_keyword(keyword) or 0, "LO", value)


IGNORED: dict[str, tuple[dict[str, Any], str]] = {
    "width 0": ({"WindowCenter": 2048, "WindowWidth": 0}, "has width 0 and was ignored"),
    "a negative width": ({"WindowCenter": 2048, "WindowWidth": -4096}, "has width -4096 and was ignored"),
    "above the values": (
        {"WindowCenter": 100_000, "WindowWidth": 10},
        r"\(centre 100000, width 10\) shows",
    ),
    "below the values": ({"WindowCenter": -9000, "WindowWidth": 300}, "shows next to nothing of its values"),
    "a sigmoid beside": (
        {"WindowCenter": 90_000, "WindowWidth": 100, "VOILUTFunction": "SIGMOID"},
        "shows next to nothing of its values",
    ),
    "not a number": (
        {"WindowCenter": text("WindowCenter", "NaN"), "WindowWidth": 4096},
        "nan is not a finite",
    ),
    "infinite": ({"WindowCenter": 2048, "WindowWidth": text("WindowWidth", "inf")}, "inf is not a finite number"),
    "words": ({"WindowCenter": text("WindowCenter", "MIDDLE"), "WindowWidth": 4096}, "'MIDDLE' is not a number"),
    "no width": ({"WindowCenter": 2048}, "its window has no width and was ignored"),
    "no centre": ({"WindowWidth": 2048}, "its window has no centre and was ignored"),
    "an empty width": ({"WindowCenter": 2048, "WindowWidth": ""}, "its window has no width and was ignored"),
}


@pytest.mark.parametrize("kind", IGNORED)
def test_a_window_that_cannot_be_applied_gives_way_to_the_films_own_range(kind: str, tmp_path: Path) -> None:
    tags, remark = IGNORED[kind]
    decoded = shown(tmp_path / "film", **tags)
    np.testing.assert_array_equal(decoded.grey, shown(tmp_path / "plain").grey)
    assert len(decoded.remarks) == 1
    assert re.search(remark, decoded.remarks[0]), decoded.remarks


@pytest.mark.parametrize("kind", [kind for kind in IGNORED if not kind.startswith(("no ", "an empty"))])
def test_or_to_the_next_window(kind: str, tmp_path: Path) -> None:
    tags, _ = IGNORED[kind]
    pair: dict[str, Any] = {}
    for keyword in ("WindowCenter", "WindowWidth"):
        bad = tags[keyword]
        good = {"WindowCenter": 1800, "WindowWidth": 2500}[keyword]
        pair[keyword] = text(keyword, f"{bad.value}\\{good}") if isinstance(bad, DataElement) else [bad, good]
    if "VOILUTFunction" in tags:
        pair["VOILUTFunction"] = "LINEAR"
    decoded = shown(tmp_path / "film", **pair)
    np.testing.assert_allclose(decoded.grey, linear(1800, 2500), atol=1e-6)
    assert decoded.remarks


def test_a_width_below_1_on_values_between_0_and_1_is_read_exactly(tmp_path: Path) -> None:
    slope, intercept = 0.0002442002587, -0.0002442002587
    decoded = shown(
        tmp_path / "film",
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        WindowCenter=0.4565323565,
        WindowWidth=0.9130647131,
    )
    values = STORED * slope + intercept
    np.testing.assert_allclose(decoded.grey, exact(0.4565323565, 0.9130647131, values), atol=1e-5)
    assert "too narrow for LINEAR; read as LINEAR_EXACT" in decoded.remarks[0]


@pytest.mark.parametrize("width", [1.0, 1.2, 1.9])
def test_so_is_a_narrow_one_above_1_on_such_values(width: float, tmp_path: Path) -> None:
    """LINEAR would take half a unit from the centre, on values that have no units."""
    decoded = shown(
        tmp_path / "film", RescaleSlope=0.001, RescaleIntercept=0, WindowCenter=width / 2, WindowWidth=width
    )
    np.testing.assert_allclose(decoded.grey, exact(width / 2, width, STORED * 0.001), atol=1e-5)
    assert "read as LINEAR_EXACT" in decoded.remarks[0]


def test_a_film_of_a_hundred_thousand_windows_takes_no_minutes(tmp_path: Path) -> None:
    ds = dataset(STORED, ImplicitVRLittleEndian, 12, WindowCenter=[90_000] * 50_000, WindowWidth=[2] * 50_000)
    path = write(tmp_path / "film", ds)
    started = time.process_time()
    decoded = decode_scaled(path, None, "", None)
    assert time.process_time() - started < 5
    np.testing.assert_array_equal(decoded.grey, shown(tmp_path / "plain").grey)
    assert decoded.remarks[0] == "of its 50,000 windows the first 16 were looked at"


def test_a_window_that_leaves_few_levels_is_kept_and_said(tmp_path: Path) -> None:
    decoded = shown(tmp_path / "film", WindowCenter=30_000, WindowWidth=60_000)
    np.testing.assert_allclose(decoded.grey, linear(30_000, 60_000), atol=1e-6)
    assert re.fullmatch(r"its window shows it in 1\d of 255 grey levels", decoded.remarks[0])


@pytest.mark.parametrize(("width", "function"), [(1, "LINEAR"), (25, "LINEAR"), (0.5, "SIGMOID")])
def test_so_is_a_narrow_one_that_leaves_few_of_many_levels(width: float, function: str, tmp_path: Path) -> None:
    decoded = shown(tmp_path / "film", WindowCenter=2048, WindowWidth=width, VOILUTFunction=function)
    said = re.fullmatch(r"its window shows it in (\d+) of 255 grey levels", decoded.remarks[0])
    assert said
    assert int(said[1]) == len(np.unique(np.rint(decoded.grey * 255)))


def test_a_film_of_few_levels_keeps_a_window_that_shows_them_all(tmp_path: Path) -> None:
    few = (STORED // 1024).astype(np.uint16)
    path = write(tmp_path / "film", dataset(few, bits=12, WindowCenter=4, WindowWidth=9))
    decoded = decode_scaled(path, None, "", None)
    np.testing.assert_allclose(decoded.grey, linear(4, 9, few), atol=1e-6)
    assert decoded.remarks == ()


@pytest.mark.parametrize(
    "tags",
    [
        {"RescaleSlope": "1e39", "RescaleIntercept": "0"},
        {"RescaleSlope": "1e-39", "RescaleIntercept": "1"},
        {"RescaleSlope": "1", "RescaleIntercept": "1e30"},
    ],
)
def test_a_rescale_that_leaves_no_values_is_ignored(tags: dict[str, str], tmp_path: Path) -> None:
    decoded = shown(tmp_path / "film", **tags)
    np.testing.assert_array_equal(decoded.grey, shown(tmp_path / "plain").grey)
    assert "leave no values; ignored" in decoded.remarks[0]


@pytest.mark.parametrize(("centre", "width"), [("1e39", "1e39"), ("1e39", "10"), ("0", "1e39")])
def test_windows_beyond_all_numbers_are_ignored(centre: str, width: str, tmp_path: Path) -> None:
    decoded = shown(tmp_path / "film", WindowCenter=centre, WindowWidth=width)
    np.testing.assert_array_equal(decoded.grey, shown(tmp_path / "plain").grey)
    assert "shows next to nothing" in decoded.remarks[0]


FUNCTIONS = {
    "LINEAR": ("LINEAR", False),
    "LINEAR_EXACT": ("LINEAR_EXACT", False),
    "SIGMOID": ("SIGMOID", False),
    "linear exact": ("LINEAR_EXACT", True),
    "LINEAR-EXACT": ("LINEAR_EXACT", True),
    "LINEAREXACT": ("LINEAR_EXACT", True),
    "SIGMOIDAL": ("SIGMOID", True),
    "SIGMIOD": ("SIGMOID", True),
    "LINAER": ("LINEAR", True),
    "CUBIC": ("LINEAR", True),
}


@pytest.mark.filterwarnings("ignore:Invalid value for VR")  # of writing the wrong header
@pytest.mark.parametrize("written", FUNCTIONS)
def test_a_functions_name_may_be_misspelt(written: str, tmp_path: Path) -> None:
    function, misspelt = FUNCTIONS[written]
    window = {"WindowCenter": 2000, "WindowWidth": 1000}
    decoded = shown(tmp_path / "film", VOILUTFunction=written, **window)
    sigmoid = 1 / (1 + np.exp(-4 * (STORED.astype(np.float64) - 2000) / 1000))
    expected = {"LINEAR": linear(2000, 1000), "LINEAR_EXACT": exact(2000, 1000), "SIGMOID": sigmoid}[function]
    np.testing.assert_allclose(decoded.grey, expected, atol=1e-5)
    assert bool(decoded.remarks) == misspelt
    assert all(f"was read as {function}" in remark for remark in decoded.remarks)


RESCALES: dict[str, tuple[dict[str, Any], float, float, str]] = {
    "slope 0": ({"RescaleSlope": 0, "RescaleIntercept": 5}, 1, 5, "slope is 0 and was read as 1"),
    "an empty slope": ({"RescaleSlope": "", "RescaleIntercept": 5}, 1, 5, "slope is missing: 1 was taken"),
    "no intercept": ({"RescaleSlope": 2}, 2, 0, "intercept is missing: 0 was taken"),
    "a decimal comma": (
        {"RescaleSlope": text("RescaleSlope", "1,5"), "RescaleIntercept": 0},
        1.5,
        0,
        "decimal comma",
    ),
    "a negative slope": ({"RescaleSlope": -1, "RescaleIntercept": 4095}, -1, 4095, ""),
    "several": ({"RescaleSlope": [2, 3], "RescaleIntercept": [1, 0]}, 2, 1, ""),
}


@pytest.mark.parametrize("kind", RESCALES)
def test_a_rescale_that_is_not_whole_is_completed(kind: str, tmp_path: Path) -> None:
    tags, slope, intercept, remark = RESCALES[kind]
    window = {"WindowCenter": 2000, "WindowWidth": 3000}
    decoded = shown(tmp_path / "film", **tags, **window)
    np.testing.assert_allclose(decoded.grey, linear(2000, 3000, STORED.astype(float) * slope + intercept), atol=1e-5)
    assert (remark in " ".join(decoded.remarks)) if remark else not decoded.remarks


def test_a_slope_that_is_no_number_is_named(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match=r"its RescaleSlope \(0028,1053\): 'one' is not a number; correct it"):
        shown(tmp_path / "film", RescaleSlope=text("RescaleSlope", "one"), RescaleIntercept=0)


def test_an_exposure_is_empty_only_if_its_stored_values_are(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="every pixel has the same value: an empty exposure"):
        decode(write(tmp_path / "film", dataset(np.full((48, 40), 900, np.uint16), bits=12)))
    path = write(tmp_path / "window", dataset(STORED, bits=12))
    with pytest.raises(FilmError, match="its values, 246 to 4049, lie beside the window of the recipe, 8995 to 9005"):
        decode(path, window=(9000, 10))
    air = dataset(STORED, bits=12, Modality="CT", RescaleSlope=1, RescaleIntercept=2000)
    with pytest.raises(FilmError, match="its values, 2246 to 6049, lie beside the lung window, -1350 to 150"):
        decode(write(tmp_path / "slice", air))


def test_padding_that_covers_every_pixel_is_ignored(tmp_path: Path) -> None:
    decoded = shown(tmp_path / "film", PixelPaddingValue=0, PixelPaddingRangeLimit=4095)
    np.testing.assert_array_equal(decoded.grey, shown(tmp_path / "plain").grey)
    assert decoded.remarks == ("its padding would cover every pixel and was ignored",)
