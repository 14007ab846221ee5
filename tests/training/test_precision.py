"""Which number format a machine trains in is measured once, and a run that has begun keeps to it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import torch

from hilum.recipe import Recipe
from hilum.training import pin_precision, precision
from hilum.training.precision import ConvolutionTimes, convolution_times, measure_convolution


def test_bfloat16_pays_where_it_is_faster_by_a_tenth() -> None:
    assert ConvolutionTimes(float32=11.1, bfloat16=10).bfloat16_pays
    assert not ConvolutionTimes(float32=10.9, bfloat16=10).bfloat16_pays
    assert not ConvolutionTimes(float32=10, bfloat16=70).bfloat16_pays


@pytest.mark.parametrize("depthwise", [False, True])
def test_both_formats_are_timed_and_no_draw_of_the_run_is_used_up(depthwise: bool) -> None:
    state = torch.get_rng_state()
    both = measure_convolution(depthwise)
    assert both.float32 > 0
    assert both.bfloat16 > 0
    assert torch.equal(torch.get_rng_state(), state)


def test_a_machine_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([ConvolutionTimes(3, 2), ConvolutionTimes(5, 4)])
    monkeypatch.setattr(precision, "measure_convolution", lambda depthwise: next(times))
    path = tmp_path / "precision.json"
    assert convolution_times(path) == convolution_times(path) == ConvolutionTimes(3, 2)
    monkeypatch.setattr(precision, "describe_processor", lambda: "another processor")
    assert convolution_times(path) == ConvolutionTimes(5, 4)
    assert len(msgspec.json.decode(path.read_bytes())) == 2


def test_depthwise_convolutions_are_judged_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = {False: ConvolutionTimes(3, 2), True: ConvolutionTimes(3, 4)}
    monkeypatch.setattr(precision, "measure_convolution", times.__getitem__)
    path = tmp_path / "precision.json"
    assert [convolution_times(path, depthwise) for depthwise in (False, True, False)] == [
        times[False],
        times[True],
        times[False],
    ]
    monkeypatch.setattr(precision, "bfloat16_pays", lambda depthwise: times[depthwise].bfloat16_pays)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    taken = {
        name: pin_precision(msgspec.convert({"name": "one", "model": {"name": name}}, Recipe)).training.precision
        for name in ("resnet18", "vgg11", "efficientnet-lite0")
    }
    assert taken == {"resnet18": "bfloat16", "vgg11": "bfloat16", "efficientnet-lite0": "float32"}


def test_a_damaged_file_is_measured_again_and_a_disk_that_takes_none_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "measure_convolution", lambda depthwise: ConvolutionTimes(3, 2))
    path = tmp_path / "precision.json"
    path.write_text("{")
    assert convolution_times(path) == ConvolutionTimes(3, 2)
    (tmp_path / "file").touch()
    assert convolution_times(tmp_path / "file" / "precision.json") == ConvolutionTimes(3, 2)


@pytest.mark.parametrize(("pays", "taken"), [(True, "bfloat16"), (False, "float32")])
def test_a_run_writes_down_what_auto_took(monkeypatch: pytest.MonkeyPatch, pays: bool, taken: str) -> None:
    monkeypatch.setattr(precision, "bfloat16_pays", lambda depthwise: pays)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pin_precision(Recipe("auto")).training.precision == taken
    for named in ("bfloat16", "float32"):
        recipe = msgspec.convert({"name": "one", "training": {"precision": named}}, Recipe)
        assert pin_precision(recipe) == recipe
