"""Networks that training listens to and never changes."""

from __future__ import annotations

import torch
from torch import nn


class Frozen:
    """A network outside of the parameters, the state and the checkpoints of what holds it.

    It is no module on purpose: a module's children are trained, saved and wrapped with it.

    Args:
        network: set to eval mode; none of its parameters takes a gradient from here on.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network.eval().requires_grad_(False)

    def on(self, device: torch.device) -> nn.Module:
        """The network, moved there if it is elsewhere."""
        return self._network.to(device)
