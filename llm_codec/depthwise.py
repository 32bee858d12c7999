"""Dilated depthwise convolution that a processor does fast."""

from __future__ import annotations

import torch
from torch import Tensor, nn

KERNEL = 7  # taps


class DepthwiseConv(nn.Conv1d):
    """One filter of `KERNEL` taps for each channel, as long as it was. (B, C, T) -> same.

    Ours, because PyTorch's convolution takes three to seven times as long on a processor where
    taps lie apart: there the taps are added one after another instead. Where gradients are wanted,
    on other devices, in a graph for export and without dilation it is that convolution.

    Args:
        channels: C.
        dilation: frames from one tap to the next.
    """

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__(channels, channels, KERNEL, padding=KERNEL // 2 * dilation,
                         dilation=dilation, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        slow = self.dilation[0] > 1 and x.device.type == "cpu"
        if slow and not torch.is_grad_enabled() and not torch.onnx.is_in_onnx_export():
            return self._added(x)
        return super().forward(x)

    def _added(self, x: Tensor) -> Tensor:
        total, middle, length = torch.zeros_like(x), KERNEL // 2, x.shape[-1]
        for number, tap in enumerate(self.weight.unbind(dim=-1)):  # (C, 1) each
            shift = (number - middle) * self.dilation[0]
            start, stop = max(0, -shift), length - max(0, shift)  # that hear something
            if start < stop:
                heard = x[..., start + shift : stop + shift]
                total[..., start:stop].addcmul_(heard, tap)
        return total.add_(self.bias[:, None])  # last, as there: sums are the same to the bit
