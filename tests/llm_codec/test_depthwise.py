"""Taps added in turn give what the convolution gives."""

from __future__ import annotations

import pytest
import torch

from llm_codec.depthwise import KERNEL, DepthwiseConv


@pytest.mark.parametrize("dilation", [1, 3, 9])
@pytest.mark.parametrize("length", [1, 2, 8, 26, 27, 28, 1000])
@pytest.mark.parametrize("batch", [1, 3])
def test_it_is_the_convolution(dilation: int, length: int, batch: int) -> None:
    torch.manual_seed(length)
    layer, x = DepthwiseConv(6, dilation), torch.randn(batch, 6, length)
    expected = torch.nn.functional.conv1d(
        x, layer.weight, layer.bias, padding=KERNEL // 2 * dilation, dilation=dilation, groups=6)
    with torch.inference_mode():
        assert torch.allclose(layer(x), expected, atol=1e-6)
    assert torch.equal(layer(x), expected)  # with gradients it is computed by it


def test_a_value_hears_only_its_neighbours() -> None:
    layer, x = DepthwiseConv(2, 3), torch.randn(1, 2, 100)
    with torch.inference_mode():
        whole = layer(x)
        assert torch.equal(layer(x[..., 20:60])[..., 9:-9], whole[..., 29:51])
        assert torch.equal(layer(x.expand(4, -1, -1))[2], whole[0])


def test_gradients_reach_what_they_should() -> None:
    layer, x = DepthwiseConv(2, 3), torch.randn(1, 2, 40, requires_grad=True)
    layer(x).square().sum().backward()
    assert x.grad.abs().min() > 0 and layer.weight.grad.abs().min() > 0


def test_weights_have_the_names_of_a_convolution() -> None:
    plain = torch.nn.Conv1d(4, 4, KERNEL, groups=4)
    DepthwiseConv(4, 9).load_state_dict(plain.state_dict())
