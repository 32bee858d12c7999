"""Starting weights that already match strings by their words and vote for a label.

In-context learning needs layers to agree: one gathers what stands nearby, a later one compares it
with what was gathered elsewhere and copies what it finds (Olsson et al. 2022, arXiv 2209.11895).
From random weights a small model finds this late and suddenly. Ours: start there, in the spirit of
Trockman & Kolter (2023, arXiv 2305.09828), so that a short run on two processor cores is spent on
matching well instead of on discovering that one can match. In lines such as ``label: words``:

1. the first layer gathers the words before each word, and squares them;
2. the second copies the name a line begins with to each of its words, and continues repetitions,
   by the word before and by the four before;
3. the third lets each word look for the words most like it, neighbours included, at the smallest
   distance (a product and two squares), and copies the name of their line: a vote;
4. the fourth collects the votes of the line that asks; and behind a name alone it looks for the
   first word of a line of that name, from where the second layer goes on word by word.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from icl.pretrain.layout import LOOK_BACK, Layout
from icl.pretrain.wired_layer import WiredLayer

LAYERS, HEADS = 4, 4  # what is wired; deeper models keep their random rest
WINDOW = (1.0, 0.8, 0.6, 0.4)  # weight of a word and of those before it in a distance
SHARPNESS = (1.0, 1 / 0.6, 1 / 1.6)  # of the three heads that match
NAMED = 13.0  # typical squared length of a sketch
FAMILIAR = 12.0  # score that words continue with; four equal ones have 4 times the core, or so
QUIET = 0.5  # of the library's random start, for all that is not wired


class Wirer:
    """Sets the weights of a fresh model, in place.

    Args:
        model: a Llama of `LAYERS` layers or more that fit a `WiredLayer`, of `HEADS` heads each,
            its embeddings placed by `Layout.embeddings`.
        layout: of its residual stream.
        sample: (B, L) int64 texts that typical lengths of the stream are measured on.
        unknown: token that stands for the name of a line that asks.
        naming: tokens between the name of a line and its words.
    """

    def __init__(
        self, model: LlamaForCausalLM, layout: Layout, sample: Tensor, unknown: int,
        naming: Sequence[int],
    ) -> None:
        self.model, self.layout, self.sample = model, layout, sample
        self.table = model.get_input_embeddings().weight.detach()
        self.sketcher = torch.from_numpy(layout.sketcher())
        self.unknown = self.sketcher @ self.table[unknown, layout.identity]
        self.naming = self.sketcher @ self.table[list(naming), layout.identity].sum(dim=0)

    @torch.no_grad()
    def wire(self) -> None:
        """Wire all layers, first to last: each is fitted to what the ones before it give."""
        for name, weight in self.model.named_parameters():
            if weight.ndim == 2 and "embed" not in name:
                weight.mul_(QUIET)
        self._gather(self._layer(0))
        self._square()
        self._name(self._layer(1))
        self._match(self._layer(2))
        last = self._layer(3)
        self._collect(last)
        self._begin(last)
        head = self.model.lm_head.weight
        head.mul_(0.5)
        head[:, self.layout.answer] = self.table[:, self.layout.identity] @ self.sketcher.T
        self.model.model.norm.weight.fill_(2.0)

    def _layer(self, number: int) -> WiredLayer:
        layer = self.model.model.layers[number]
        rms = self._rms(layer.input_layernorm)
        return WiredLayer(layer.self_attn, rms, self.layout.constant)

    def _rms(self, norm: nn.Module) -> float:
        """Typical root mean square of what comes into a norm."""
        seen: list[float] = []
        hook = norm.register_forward_pre_hook(
            lambda _, args: seen.append(args[0].float().square().mean(-1).sqrt().mean().item())
        )
        self.model.model(self.sample)
        hook.remove()
        return seen[0]

    def _direction(self, where: int | slice, values: Tensor | float) -> Tensor:
        row = torch.zeros(self.layout.width)
        row[where] = values
        return row

    def _recent(self, count: int) -> list[slice]:
        """Where the cores of a word and of those before it stand, ``count`` in all."""
        return [self.layout.meaning, *map(self.layout.before, range(1, count))]

    def _nowhere(self, score: float) -> Tensor:
        """A key that gives the first token of a text ``score``: where a head looks in vain."""
        first = self.table[self.model.config.bos_token_id, self.layout.identity]
        return self._direction(self.layout.identity, score * first / first.square().sum())

    def _gather(self, layer: WiredLayer) -> None:
        layout = self.layout
        layer.clear(*range(LOOK_BACK))
        for head in range(LOOK_BACK):
            layer.look(head, head + 1, 10.0, range(13))
            at = layer.carry(head, layout.meaning, layout.before(head + 1))
            if head == 0:
                layer.carry(head, layout.identity, layout.previous, self.sketcher, at=at)

    def _square(self) -> None:
        """Two gated units square a number exactly: ``x silu(x) + (-x) silu(-x) = x * x``."""
        block, layout = self.model.model.layers[0], self.layout
        rms, mlp = self._rms(block.post_attention_layernorm), block.mlp
        units = [(at, sign, weight) for part, weight in zip(self._recent(len(WINDOW)), WINDOW,
                 strict=True) for at in range(part.start, part.stop) for sign in (1.0, -1.0)]
        constant, strength = layout.constant, 4.0
        count = len(units) + 1
        mlp.gate_proj.weight[:count], mlp.up_proj.weight[:count] = 0, 0
        mlp.down_proj.weight[:, :count] = 0
        for unit, (at, sign, weight) in enumerate(units):
            mlp.gate_proj.weight[unit, at] = mlp.up_proj.weight[unit, at] = sign
            mlp.down_proj.weight[layout.length, unit] = 0.1 * weight * rms**2
        mlp.gate_proj.weight[count - 1, constant] = strength
        mlp.up_proj.weight[count - 1, constant] = 1.0
        given = torch.nn.functional.silu(torch.tensor(strength / rms)) / rms
        mean = 0.1 * layout.core * sum(WINDOW)
        mlp.down_proj.weight[layout.length, count - 1] = -mean / given

    def _name(self, layer: WiredLayer) -> None:
        layout = self.layout
        layer.clear(0, 1)
        layer.prefer(0, self._direction(layout.mark, 25.0))
        layer.look(0, 0, 8.0, range(4, 13))
        layer.carry(0, layout.previous, layout.name)
        for row, sketch in enumerate(self.sketcher):  # a head that continues repetitions
            here = self._direction(layout.identity, sketch)
            before = self._direction(layout.previous.start + row, 2.0)
            layer.compare(1, row, here, before)
        layer.carry(1, layout.identity, layout.answer, self.sketcher, gain=0.5)
        self._continue(layer)

    def _continue(self, layer: WiredLayer) -> None:
        """A head goes on where the same four tokens came before, if they did: one may mislead."""
        layout, head, recent = self.layout, 3, self._recent(LOOK_BACK + 1)
        layer.clear(head)
        places = [(here.start + at, before.start + at)
                  for here, before in pairwise(recent) for at in range(layout.core)]
        for row, (here, before) in enumerate(places, start=1):
            layer.compare(head, row, self._direction(here, 1.0), self._direction(before, 1.0))
        layer.compare(head, 0, self._direction(layout.constant, 1.0), self._nowhere(FAMILIAR))
        layer.carry(head, layout.identity, layout.answer, self.sketcher, gain=0.5)

    def _match(self, layer: WiredLayer) -> None:
        layout = self.layout
        places = [(at, weight) for part, weight in zip(self._recent(len(WINDOW)), WINDOW,
                  strict=True) for at in range(part.start, part.stop)]
        asks = self.unknown / self.unknown.square().sum()
        layer.clear(*range(len(SHARPNESS)))
        for head, sharpness in enumerate(SHARPNESS):
            near = self._direction(layout.length, -5.0 * sharpness)  # half the square, stored / 10
            layer.prefer(head, near + self._direction(layout.name, -14.0 * asks))
            for row, (at, weight) in enumerate(places, start=1):
                scaled = self._direction(at, (weight * sharpness) ** 0.5)
                layer.compare(head, row, scaled, scaled)
            layer.carry(head, layout.name, layout.vote, gain=1.0 / len(SHARPNESS))

    def _collect(self, layer: WiredLayer) -> None:
        layer.clear(0)
        asks = self.unknown / self.unknown.square().sum()
        layer.prefer(0, self._direction(self.layout.name, 10.0 * asks))
        layer.look(0, 0, 4.0, range(8, 13))
        layer.carry(0, self.layout.vote, self.layout.answer)

    def _begin(self, layer: WiredLayer) -> None:
        layout, head = self.layout, 1
        layer.clear(head)
        layer.prefer(head, self._direction(layout.previous, 40 * self.naming / NAMED))
        name = range(layout.name.start, layout.name.stop)
        for row, at in enumerate(name, start=1):
            layer.compare(head, row, self._direction(at, 1.0), self._direction(at, 4.0))
        inside = self._direction(layout.constant, 1.0) - self._direction(layout.mark, 1.0)
        layer.compare(head, len(name) + 1, inside, self._nowhere(80.0))
        layer.look(head, -200, 10.0, range(14, 16))  # of several lines the latest
        layer.carry(head, layout.identity, layout.answer, self.sketcher)
