"""Foretold: how well a frozen language model foretells the words of clips, nats a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from llm_codec.bench import bootstrap
from llm_codec.bench.summary import DIGITS
from llm_codec.training.frozen import Frozen
from llm_codec.training.predictability import single_tokens
from llm_codec.training.words import load_llm
from llm_codec.vocabulary import Vocabulary


class Foretold:
    """A language model that reads the words of a clip as `training.predictability` has it read.

    Args:
        name: preset, folder or hub name of a causal LM.

    Raises:
        OSError, ValueError: there is none.
    """

    def __init__(self, name: str) -> None:
        llm, self._tokenizer = load_llm(name)
        self._llm = Frozen(llm)
        self._most = getattr(llm.config.get_text_config(), "max_position_embeddings", None)

    def score(
        self, vocabulary: Vocabulary, scales: Sequence[Sequence[np.ndarray]], seed: int
    ) -> list[dict[str, Any]]:
        """A line for each scale, means over its words, which come behind those of coarser scales.

        Args:
            vocabulary: what the codes mean; each word must be one token of the model.
            scales: codes of clips, K lists of N arrays (T_k,); what the model cannot hold is left
                out.
            seed: of the interval over clips.
        """
        tokens = single_tokens(vocabulary, self._tokenizer)
        found = np.array([self._clip(tokens, clip) for clip in zip(*scales, strict=True)])
        lines = []
        for number, (nats, words) in enumerate(found.transpose(1, 2, 0), start=1):
            drawn = bootstrap.over_clips(bootstrap.ratio(nats, words), len(words), seed)
            lines.append({"scale": number, "n": int(words.sum()),
                          "nats": round(float(nats.sum() / words.sum()), DIGITS),
                          "interval_95": bootstrap.interval(drawn)})
        return lines

    @torch.inference_mode()
    def _clip(
        self, tokens: Sequence[torch.Tensor], clip: Sequence[np.ndarray]
    ) -> list[tuple[float, int]]:
        """Nats, and words that were foretold, of each scale."""
        parts = [ids[torch.from_numpy(codes)] for ids, codes in zip(tokens, clip, strict=True)]
        scale = torch.cat([torch.full_like(part, k) for k, part in enumerate(parts)])
        read, start = torch.cat(parts), self._tokenizer.bos_token_id
        if start is None:  # then nothing foretells the first word
            scale = scale[1:]
        else:
            read = torch.cat([torch.tensor([start]), read])
        read = read[: self._most]
        scale = scale[: len(read) - 1]
        logs = self._llm.on(torch.device("cpu"))(input_ids=read[None, :-1]).logits[0].float()
        nats = -logs.log_softmax(-1).gather(1, read[1:, None])[:, 0]
        return [(float(nats[scale == k].sum()), int((scale == k).sum())) for k in range(len(parts))]
