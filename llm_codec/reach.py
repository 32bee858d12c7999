"""How far the networks look: what a chunk must hold beside the part that is kept."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from llm_codec.layers import LocalAttention
from llm_codec.mel import LogMel
from llm_codec.spectral import SpectrumHead
from llm_codec.tone import Tone


@dataclass(frozen=True)
class Reach:
    """Input that the output of whole blocks depends on, beyond these blocks.

    Args:
        left, right: samples for an encoder, latent frames for a decoder.
    """

    left: int
    right: int


def reach(network: nn.Module, inputs: int, outputs: int) -> Reach:
    """Receptive field of a block, followed back through the layers themselves.

    Attention windows lie on block boundaries, so one needed frame of a window needs all of it.

    Args:
        network: an encoder or a decoder; its layers are registered in the order they run.
        inputs, outputs: length of a block on either side.

    Returns:
        The input needed before and after a run of whole blocks, however many.
    """
    low, high = 0, outputs
    for layer in reversed([*network.modules()]):
        low, high = _back(layer, low, high)
    return Reach(-low, high - inputs)


def _back(layer: nn.Module, low: int, high: int) -> tuple[int, int]:
    """Positions [low, high) of a layer's output to the positions of its input they come from.

    Never less than the positions they stand for, so that no layer inside a chunk ends too soon.
    """
    if isinstance(layer, nn.Conv1d):
        (kernel,), (stride,), (dilation,) = layer.kernel_size, layer.stride, layer.dilation
        return _gather(low, high, dilation * (kernel - 1) + 1, stride, layer.padding[0])
    if isinstance(layer, LogMel):
        return _gather(low, high, layer.window, layer.hop, (layer.window - layer.hop) // 2)
    if isinstance(layer, nn.ConvTranspose1d):
        return _scatter(low, high, layer.kernel_size[0], layer.stride[0], layer.padding[0])
    if isinstance(layer, SpectrumHead):
        return _scatter(low, high, layer.window, layer.hop, (layer.window - layer.hop) // 2)
    if isinstance(layer, Tone):  # its windows, and pitch drawn straight from frame to frame
        hops = layer.window // layer.hop
        return _gather(low, high, hops + 3, 1, hops // 2 + 1)
    if isinstance(layer, LocalAttention):
        return low // layer.window * layer.window, -(-high // layer.window) * layer.window
    return low, high


def _gather(low: int, high: int, span: int, stride: int, padding: int) -> tuple[int, int]:
    """Back through a layer whose output i reads ``span`` inputs from i stride - padding on."""
    first, last = low * stride - padding, (high - 1) * stride - padding + span
    return min(first, low * stride), max(last, high * stride)


def _scatter(low: int, high: int, span: int, stride: int, padding: int) -> tuple[int, int]:
    """Back through a layer whose input j writes ``span`` outputs from j stride - padding on."""
    first, last = -(-(low + padding - span + 1) // stride), (high - 1 + padding) // stride + 1
    return min(first, low // stride), max(last, -(-high // stride))
