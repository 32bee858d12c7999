"""Semantic guidance: the coarsest words of a clip should tell what is said in it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from llm_codec.training.term import Setting, Step, Term
from llm_codec.training.text import embedding_encoder, spoken, t5_encoder, text_vectors
from llm_codec.training.words import load_llm


class Semantic(Term):
    """The mean of the coarsest scale over a clip should tell its text's vector.

    arXiv 2406.10056, §3.4: the L1 distance between the time-mean of the first quantiser's output
    z_1 and the text's global vector g. Here through a learned linear map, as widths differ, and
    over the span of each clip where a crop strings several together (ours)::

        semantic = 1/N sum_n mean_e |W mean_t z_1[n, t] + b - g_n|_e

    over the N spans of clips that have a text; 0 where there are none.

    Args:
        dim: D.
        vectors: (clips, E) from `text_vectors`; NaN rows have no text. Not saved.
        hop: samples a frame.
    """

    losses, needs_words = ("semantic",), True

    def __init__(self, dim: int, vectors: Tensor, hop: int) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors, persistent=False)
        self.known, self.hop = (~vectors.isnan().any(dim=1)).tolist(), hop
        self.predict = nn.Linear(dim, vectors.shape[1])

    @classmethod
    def build(cls, setting: Setting, encoder: str = "") -> Semantic:
        """``encoder`` names a T5, folder or hub; empty takes the frozen LLM's own embeddings."""
        texts = [spoken(row) for row in setting.rows]
        if encoder:
            encode = t5_encoder(encoder)
        else:
            llm, tokenizer = load_llm(setting.config.llm, "auto")
            encode = embedding_encoder(llm.get_input_embeddings().weight.detach(), tokenizer)
        return cls(setting.shape.latent_dim, text_vectors(texts, encode), setting.shape.hop_length)

    def forward(self, step: Step) -> dict[str, Tensor]:
        coarse, means, clips = step.looked.parts[0], [], []
        for span in step.spans:
            frames = coarse[span.row, :, -(-span.start // self.hop) : span.stop // self.hop]
            if self.known[span.clip] and frames.shape[1]:
                means.append(frames.mean(dim=1))
                clips.append(span.clip)
        if not clips:  # a graph all the same, for processes that average gradients
            return {"semantic": 0 * self.predict(coarse.mean(dim=2)).sum()}
        told = self.predict(torch.stack(means))
        return {"semantic": (told - self.vectors[clips]).abs().mean()}
