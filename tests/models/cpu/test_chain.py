"""A block in one pass over memory gives what its layers give one by one."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from hilum.models import part_of_batch
from hilum.models.cpu.chain import Chain
from hilum.models.dropout import Dropout

Given = tuple[Tensor, dict[str, Tensor]]


def layers(channels: int = 16, dropout: float = 0.3) -> list[nn.Module]:
    """A block with a batch norm that has learnt; some of its factors are negative."""
    norm = nn.BatchNorm2d(channels)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return [nn.ReLU(), *([Dropout(dropout)] if dropout else []), norm, nn.MaxPool2d(2)]


def films(dtype: torch.dtype = torch.float32, side: int = 8) -> Tensor:
    maps = torch.randn(6, 16, side, side).contiguous(memory_format=torch.channels_last)
    return maps.to(dtype).requires_grad_()


def given_by(chain: nn.Module, maps: Tensor) -> Given:
    """What comes out, and every gradient and statistic behind it."""
    torch.manual_seed(3)
    maps = maps.detach().requires_grad_()
    output = chain(maps)
    (output.float() * torch.linspace(-1, 1, output.numel()).view(output.shape)).sum().backward()
    assert maps.grad is not None
    gradients = {name: weight.grad for name, weight in chain.named_parameters() if weight.grad is not None}
    statistics = {name: values.clone() for name, values in chain.named_buffers()}
    return output.detach(), {"maps": maps.grad, **gradients, **statistics}


def fuses(chain: nn.Module, maps: Tensor) -> bool:
    return type(chain(maps).grad_fn).__name__ == "_BlockBackward"


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_fused_block_gives_what_its_layers_give(dropout: float) -> None:
    torch.manual_seed(1)
    parts = layers(dropout=dropout)
    fused, plain = Chain(*copy.deepcopy(parts)), nn.Sequential(*copy.deepcopy(parts))
    maps = films()
    assert fuses(copy.deepcopy(fused), maps)
    assert not fuses(plain, maps)
    plain = nn.Sequential(*copy.deepcopy(parts))
    torch.testing.assert_close(given_by(fused, maps), given_by(plain, maps), rtol=1e-4, atol=1e-5)


def test_in_bfloat16_the_two_differ_by_rounding() -> None:
    torch.manual_seed(1)
    parts = layers(dropout=0)
    maps = films(torch.bfloat16)
    exact, of_exact = given_by(nn.Sequential(*copy.deepcopy(parts)), maps.float())
    fused, of_fused = given_by(Chain(*copy.deepcopy(parts)), maps)
    assert fused.dtype == of_fused["maps"].dtype == torch.bfloat16
    torch.testing.assert_close(fused.float(), exact, rtol=2**-7, atol=2**-7)
    torch.testing.assert_close(of_fused["maps"].float(), of_exact["maps"], rtol=2**-6, atol=2**-6)


def test_of_equal_values_in_a_window_the_first_takes_the_gradient() -> None:
    chain = Chain(nn.ReLU(), nn.BatchNorm2d(1, eps=1e6), nn.MaxPool2d(2))  # hardly anything goes back by its mean
    maps = torch.ones(2, 1, 2, 2).contiguous(memory_format=torch.channels_last).requires_grad_()
    chain(maps).sum().backward()
    assert maps.grad is not None
    taken = maps.grad[0, 0] - maps.grad[0, 0].min()
    assert taken.flatten().tolist() == [pytest.approx(1e-3), 0, 0, 0]


def test_the_number_of_threads_changes_no_bit_of_values_and_statistics() -> None:
    torch.manual_seed(1)
    parts, maps, threads = layers(), films(), torch.get_num_threads()
    given = []
    for number in (1, 2, 3):
        torch.set_num_threads(number)
        output, beside = given_by(Chain(*copy.deepcopy(parts)), maps)
        given.append((output, beside["2.running_mean"], beside["2.running_var"]))
    torch.set_num_threads(threads)
    for other in given[1:]:
        torch.testing.assert_close(other, given[0], rtol=0, atol=0)


def test_parts_of_a_batch_drop_what_the_whole_batch_drops() -> None:
    chain, maps = Chain(*layers(dropout=0.5)), films()
    torch.nn.init.ones_(chain[2].weight)  # type: ignore[arg-type]
    torch.manual_seed(3)
    whole = _dropped(chain, maps)
    parts = []
    for rows in (slice(0, 2), slice(2, 6)):
        torch.manual_seed(3)
        with part_of_batch(rows.start, 6):
            parts.append(_dropped(chain, maps[rows]))
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=0)


def _dropped(chain: Chain, maps: Tensor) -> Tensor:
    maps = maps.detach().abs().requires_grad_()
    chain(maps).square().sum().backward()
    assert maps.grad is not None
    return maps.grad == 0


@pytest.mark.parametrize("change", ["odd side", "NCHW", "evaluation", "frozen statistics", "another pool", "double"])
def test_what_is_not_as_usual_goes_layer_by_layer(change: str) -> None:
    torch.manual_seed(1)
    parts, maps = layers(), films(side=9 if change == "odd side" else 8)
    if change == "another pool":
        parts[-1] = nn.MaxPool2d(3, stride=2)
    chain, plain = Chain(*copy.deepcopy(parts)), nn.Sequential(*copy.deepcopy(parts))
    if change == "NCHW":
        maps = maps.detach().contiguous()
    if change == "evaluation":
        chain.eval(), plain.eval()
    if change == "frozen statistics":
        chain[2].eval(), plain[2].eval()
    if change == "double":
        chain.double(), plain.double()
        maps = maps.detach().double()
    assert not fuses(copy.deepcopy(chain), maps.detach().requires_grad_())
    torch.testing.assert_close(given_by(chain, maps), given_by(plain, maps), rtol=0, atol=0)


def test_the_chain_behind_a_block_goes_on() -> None:
    torch.manual_seed(1)
    parts = [nn.Conv2d(16, 8, 3, bias=False), *layers(8), nn.Conv2d(8, 4, 1, bias=False), nn.ReLU()]
    fused, plain = Chain(*copy.deepcopy(parts)), nn.Sequential(*copy.deepcopy(parts))
    maps = films(side=10)
    torch.testing.assert_close(given_by(fused, maps), given_by(plain, maps), rtol=1e-3, atol=1e-4)


def test_what_is_no_number_stays_none() -> None:
    maps = films().detach()
    maps[0, 3, 1, 1] = torch.nan
    output = Chain(*layers(dropout=0))(maps)
    assert output[:, 3].isnan().all()
    assert output[:, :3].isfinite().all()
