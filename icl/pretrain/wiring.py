"""Starting weights that already match strings by their words and vote for a label.

In-context learning needs layers to agree: one gathers what stands nearby, a later one compares it
with what was gathered elsewhere and copies what it finds (Olsson et al. 2022, arXiv 2209.11895).
From random weights a small model finds this late and suddenly. Ours: start there, in the spirit of
Trockman & Kolter (2023, arXiv 2305.09828), so that a short run on two processor cores is spent on
matching well instead of on discovering that one can match. In lines such as ``label: words``:

1. the first layer gathers the words before each word, and squares them;
2. the second copies the name a line begins with to each of its words, and continues repetitions;
3. the third lets each word look for the words most like it, neighbours included, at the smallest
   distance (a product and two squares), and copies the name of their line: a vote;
4. the fourth collects the votes of the line that asks; and behind a name alone it looks for the
   first word of a line of that name, from where the second layer goes on word by word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from icl.pretrain.layout import LOOK_BACK, Layout

LAYERS, HEADS, HEAD_DIM = 4, 4, 64  # what is wired; deeper models keep their random rest
THETA = 1e6  # rotary base: half of a head's directions hardly turn within a prompt
HALF = HEAD_DIM // 2
FREQUENCIES = THETA ** (-np.arange(HALF) / HALF)
STILL = HALF - 1  # slowest pair: position does not matter to it
WINDOW = (1.0, 0.8, 0.6, 0.4)  # weight of a word and of those before it in a distance
SHARPNESS = (1.0, 1 / 0.6, 1 / 1.6)  # of the three heads that match
NAMED = 13.0  # typical squared length of a sketch
QUIET = 0.5  # of the library's random start, for all that is not wired


@dataclass(frozen=True)
class _Layer:
    """One attention layer while it is wired; ``rms`` undoes the norm before it, on average."""

    attention: nn.Module
    rms: float
    constant: int

    def clear(self, *heads: int) -> None:
        """Takes what some heads look for away."""
        for head in heads:
            rows = slice(head * HEAD_DIM, (head + 1) * HEAD_DIM)
            self.attention.q_proj.weight[rows] = 0
            self.attention.k_proj.weight[rows] = 0

    def compare(self, head: int, at: int, query: Tensor, key: Tensor) -> None:
        """Adds ``(query @ stream) * (key @ stream)`` to a head's score, on a still direction."""
        gain = HEAD_DIM**0.25 * self.rms
        row = head * HEAD_DIM + _still(at)
        self.attention.q_proj.weight[row] += query * gain
        self.attention.k_proj.weight[row] += key * gain

    def prefer(self, head: int, key: Tensor) -> None:
        """Adds ``key @ stream`` to the score, whatever asks."""
        query = torch.zeros_like(key)
        query[self.constant] = 1.0
        self.compare(head, 0, query, key)

    def look(self, head: int, back: int, amplitude: float, pairs: range) -> None:
        """Adds a score that is 0 at the token ``back`` tokens away and falls off around it."""
        query, key = self.attention.q_proj.weight, self.attention.k_proj.weight
        for pair in pairs:
            gain = (amplitude * HEAD_DIM**0.5) ** 0.5 * self.rms
            angle, row = back * FREQUENCIES[pair], head * HEAD_DIM + pair
            key[row, self.constant] += gain
            query[row, self.constant] += gain * np.cos(angle)
            query[row + HALF, self.constant] -= gain * np.sin(angle)
        gain = (len(pairs) * amplitude * HEAD_DIM**0.5) ** 0.5 * self.rms
        key[head * HEAD_DIM + STILL, self.constant] += gain
        query[head * HEAD_DIM + STILL, self.constant] -= gain

    def carry(
        self, head: int, source: slice, target: slice, matrix: Tensor | None = None,
        gain: float = 1.0, at: int = 0,
    ) -> int:
        """Lets a head copy ``source``, through ``matrix``, to ``target``; returns the next row."""
        size = target.stop - target.start
        rows = slice(head * HEAD_DIM + at, head * HEAD_DIM + at + size)
        self.attention.v_proj.weight[rows] = 0
        self.attention.o_proj.weight[:, rows] = 0
        matrix = torch.eye(size) if matrix is None else matrix
        self.attention.v_proj.weight[rows, source] = matrix * self.rms
        self.attention.o_proj.weight[target, rows] = torch.eye(size) * gain
        return at + size


class Wirer:
    """Sets the weights of a fresh model, in place.

    Args:
        model: a Llama of `LAYERS` layers or more, `HEADS` heads of `HEAD_DIM` and rotary base
            `THETA`, its embeddings placed by `Layout.embeddings`.
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

    def _layer(self, number: int) -> _Layer:
        layer = self.model.model.layers[number]
        rms = self._rms(layer.input_layernorm)
        return _Layer(layer.self_attn, rms, self.layout.constant)

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

    def _gather(self, layer: _Layer) -> None:
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
        parts = [layout.meaning, *(layout.before(back) for back in range(1, len(WINDOW)))]
        units = [(at, sign, weight) for part, weight in zip(parts, WINDOW, strict=True)
                 for at in range(part.start, part.stop) for sign in (1.0, -1.0)]
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

    def _name(self, layer: _Layer) -> None:
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

    def _match(self, layer: _Layer) -> None:
        layout = self.layout
        parts = [layout.meaning, *(layout.before(back) for back in range(1, len(WINDOW)))]
        places = [(at, weight) for part, weight in zip(parts, WINDOW, strict=True)
                  for at in range(part.start, part.stop)]
        asks = self.unknown / self.unknown.square().sum()
        layer.clear(*range(len(SHARPNESS)))
        for head, sharpness in enumerate(SHARPNESS):
            near = self._direction(layout.length, -5.0 * sharpness)  # half the square, stored / 10
            layer.prefer(head, near + self._direction(layout.name, -14.0 * asks))
            for row, (at, weight) in enumerate(places, start=1):
                scaled = self._direction(at, (weight * sharpness) ** 0.5)
                layer.compare(head, row, scaled, scaled)
            layer.carry(head, layout.name, layout.vote, gain=1.0 / len(SHARPNESS))

    def _collect(self, layer: _Layer) -> None:
        layer.clear(0)
        asks = self.unknown / self.unknown.square().sum()
        layer.prefer(0, self._direction(self.layout.name, 10.0 * asks))
        layer.look(0, 0, 4.0, range(8, 13))
        layer.carry(0, self.layout.vote, self.layout.answer)

    def _begin(self, layer: _Layer) -> None:
        layout, head, nowhere = self.layout, 1, self.table[self.model.config.bos_token_id]
        layer.clear(head)
        layer.prefer(head, self._direction(layout.previous, 40 * self.naming / NAMED))
        name = range(layout.name.start, layout.name.stop)
        for row, at in enumerate(name, start=1):
            layer.compare(head, row, self._direction(at, 1.0), self._direction(at, 4.0))
        inside = self._direction(layout.constant, 1.0) - self._direction(layout.mark, 1.0)
        away = 80 * nowhere[layout.identity] / nowhere[layout.identity].square().sum()
        layer.compare(head, len(name) + 1, inside, self._direction(layout.identity, away))
        layer.look(head, -200, 10.0, range(14, 16))  # of several lines the latest
        layer.carry(head, layout.identity, layout.answer, self.sketcher)


def _still(number: int) -> int:
    """Head dimension, slowest rotary pair first; `STILL` itself is left to `_Layer.look`."""
    pair, second = divmod(number + 1, 2)
    return STILL - pair + HALF * second
