"""Many clips in few runs of the networks, each with the codes it has alone.

What rounds differently in a batch chooses no word: see `ties`.

Zeros after a clip's own padding would change the codes near its end: the layers see them, through
their biases, where alone they see nothing. So clips are not padded to one another but grouped by
padded length, in which no two that share a run differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from llm_codec import audio as audio_io
from llm_codec import chunks
from llm_codec.codes import Codes
from llm_codec.noise import ItemNoise
from llm_codec.parts import count_blocks

if TYPE_CHECKING:
    from llm_codec.codec import LLMCodec

RUN_BLOCKS = chunks.WHOLE_BLOCKS  # in one run of the networks
WAITING_BLOCKS = 10 * RUN_BLOCKS  # held until clips of their length come

Place = tuple[int, int]  # of a clip: item of the list, clip of the item


def encode(
    codec: LLMCodec, items: Sequence[Any], sample_rate: int | None, scales: int | None
) -> list[Codes]:
    """Codes of each item, in order; what `LLMCodec.encode` gives for each of them.

    Args:
        items: paths, arrays (S,), (C, S) or (B, 1, S).
        sample_rate: Hz of arrays.
        scales: leading scales to give.
    """
    rate, config = codec.config.sample_rate, codec.config
    found: dict[Place, Codes] = {}
    waiting: dict[int, list[tuple[Place, Tensor]]] = defaultdict(list)

    def run(length: int) -> None:
        group = waiting.pop(length)
        codes = codec.encode_clips([clip for _, clip in group], scales)
        found.update((place, one) for (place, _), one in zip(group, codes, strict=True))

    for number, item in enumerate(tqdm(items, "encode", disable=None if len(items) > 1 else True)):
        if codec.is_long(item):
            found[number, 0] = chunks.encode_file(codec, item, scales)
            continue
        clips = audio_io.prepare(item, sample_rate, rate)
        for place, clip in enumerate(clips):
            length = config.padded_samples(len(clip)) // config.block_samples
            waiting[length].append(((number, place), clip))
            if len(waiting[length]) * length >= RUN_BLOCKS:
                run(length)
        if sum(length * len(group) for length, group in waiting.items()) >= WAITING_BLOCKS:
            for length in [*waiting]:
                run(length)
    for length in [*waiting]:
        run(length)
    parts: list[list[Codes]] = [[] for _ in items]
    for number, place in sorted(found):
        parts[number].append(found[number, place])
    return [part[0] if len(part) == 1 else Codes.stack(part) for part in parts]


def decode(
    codec: LLMCodec, items: Sequence[Codes], seed: int | None, scales: int | None
) -> list[Tensor]:
    """Sound (B, 1, S) of each item, in order, with the noise that it gets alone."""
    waves: list[Tensor | None] = [None] * len(items)
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, codes in enumerate(items):
        codec.check_codes(codes)
        groups[tuple(scale.shape[1] for scale in codes.scales)].append(number)
    for counts, numbers in groups.items():
        size = max(1, RUN_BLOCKS // count_blocks(codec.config, items[numbers[0]]))
        for part in (numbers[start : start + size] for start in range(0, len(numbers), size)):
            if len(part) == 1 or any(len(items[number]) > 1 for number in part):
                for number in part:
                    waves[number] = codec.decode(items[number], seed, scales)
                continue
            noise = None if seed is None else ItemNoise(seed, len(part))
            scale_parts = zip(*(items[number].scales for number in part), strict=True)
            together = codec.sound([torch.cat(scale) for scale in scale_parts][:scales], noise)
            for number, wave in zip(part, together, strict=True):
                codes = items[number]
                waves[number] = (wave[None, :, : int(codes.num_samples)] * codes.gain).clone()
    return waves
