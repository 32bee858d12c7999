"""Predictability: how well the frozen LLM foretells a clip's words, passed on to the encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from llm_codec.quantizer import search_keys
from llm_codec.training.frozen import Frozen
from llm_codec.training.term import Setting, Step, Term
from llm_codec.training.words import load_llm
from llm_codec.vocabulary import Vocabulary

NEIGHBOURS = 16  # words that share a soft lookup


class Predictability(Term):
    """The frozen LLM's own next-token cross-entropy on the words of a clip.

    After arXiv 2604.17852, which passes the loss through hard samples with a soft gradient; here
    the LLM's own embeddings and head serve, since the codec's words are the LLM's. The words of a
    clip stand in prompt order, all of scale 1, then of scale 2, and so on, behind the LLM's token
    of beginning, if it has one. With the words c_i1 .. c_iK nearest to the latent x_i, at squared
    distances d_ij^2 (cosine lookups: of directions)::

        predictability = -1/L sum_i sum_j p_ij log P_LLM(c_ij | e_1 .. e_{i-1})
        e_i  = sum_j p_ij E[c_ij],                              what the LLM reads
        p_ij = 1 for the nearest word, 0 for others; its gradient is that of
               softmax_j(-d_ij^2 / tau),   tau = mean_ij (d_ij^2 - min_j d_ij^2)

    So the loss, in nats a word, is the LLM's, exactly, on the words that encoding gives, and its
    gradient tells each latent which words near by are foretold better and foretell better. Ours:
    no noise, and tau follows the spacing of the words, which differs by scale and shrinks with
    the residual; table, tau and LLM are constants.

    Args:
        llm: a causal LM of transformers; kept as it is, outside of the trained modules.
        ids: for each scale the token of each word, (V_k,) int64.
        start: id of the token of beginning; None without: then the first word is not foretold.
        max_words: most words a step that the LLM reads, which bounds the cost; clips beyond it
            are left out, and the end of a first clip that is longer.
        lookup: as in `FrozenCodebook`.
    """

    losses, needs_words = ("predictability",), True

    def __init__(
        self, llm: nn.Module, ids: Sequence[Tensor], start: int | None, max_words: int, lookup: str
    ) -> None:
        super().__init__()
        self._llm = Frozen(llm)
        self.ids, self.start, self.max_words, self.lookup = list(ids), start, max_words, lookup

    @classmethod
    def build(cls, setting: Setting, words: int = 256) -> Predictability:
        """The run's LLM reads at most ``words`` words a step.

        Raises:
            ValueError: a word is several tokens of the LLM, or ``words`` is less than two.
        """
        if words < 2:
            raise ValueError(f"predictability of {words} words; nothing foretells less than 2")
        llm, tokenizer = load_llm(setting.config.llm)
        ids = single_tokens(setting.words.vocabulary, tokenizer)
        return cls(llm, ids, tokenizer.bos_token_id, words, setting.shape.lookup)

    def forward(self, step: Step) -> dict[str, Tensor]:
        residuals, tables = step.looked.residuals, step.looked.tables
        clips = max(1, self.max_words // sum(residual.shape[1] for residual in residuals))
        choices = [
            soft_choice(residual[:clips], table, ids.to(table.device), self.lookup)
            for residual, table, ids in zip(residuals, tables, self.ids, strict=True)
        ]
        words, shares = (torch.cat(part, dim=1)[:, : self.max_words]
                         for part in zip(*choices, strict=True))
        logits = self._foretell(words, shares)
        if self.start is None:
            words, shares = words[:, 1:], shares[:, 1:]
        chances = logits.float().log_softmax(dim=-1).gather(-1, words)
        return {"predictability": -(shares * chances).sum(dim=-1).mean()}

    def _foretell(self, words: Tensor, shares: Tensor) -> Tensor:
        """Logits (B, L, V) for each word that something comes before, from (B, L, K) twice."""
        llm = self._llm.on(words.device)
        embed = llm.get_input_embeddings()
        near = embed(words)  # (B, L, K, E)
        vectors = (shares.to(near.dtype)[..., None] * near).sum(dim=-2)
        if self.start is not None:
            vectors = torch.cat([embed(torch.full_like(words[:, :1, 0], self.start)), vectors], 1)
        return llm(inputs_embeds=vectors[:, :-1], use_cache=False).logits


def single_tokens(vocabulary: Vocabulary, tokenizer: Any) -> list[Tensor]:
    """The token of each word of each scale, K tensors (V_k,) int64.

    Raises:
        ValueError: a word is several tokens; their joint chance has no soft lookup.
    """
    spelled = vocabulary.bind(tokenizer).token_ids
    for entries, scale in zip(vocabulary.scales, spelled, strict=True):
        for entry, pieces in zip(entries, scale, strict=True):
            if len(pieces) != 1:
                raise ValueError(f"predictability needs words of one token, but {entry!r} has "
                                 f"{len(pieces)}; give it weight 0, or leave the word out")
    return [torch.tensor(scale)[:, 0] for scale in spelled]


def soft_choice(latent: Tensor, table: Tensor, ids: Tensor, lookup: str) -> tuple[Tensor, Tensor]:
    """The nearest words and their shares: the nearest has all, with the gradient of a softmax.

    Args:
        latent: (B, T_k, D) what is looked up.
        table: (V_k, D) projected words.
        ids: token of each word, (V_k,) int64.
        lookup: ``"cosine"`` or ``"euclidean"``.

    Returns:
        tokens, (B, T_k, K) int64, nearest first, and shares p_ij, (B, T_k, K).
    """
    keys, offsets = search_keys(table.detach(), lookup)
    if lookup == "cosine":
        latent = nn.functional.normalize(latent, dim=-1)
    with torch.no_grad():
        near = (latent @ keys.T - offsets).topk(min(NEIGHBOURS, len(keys)), dim=-1).indices
    distance = (latent[..., None, :] - keys[near]).square().sum(dim=-1)
    tau = (distance - distance[..., :1]).detach().mean().clamp_min(1e-8)
    soft = (-distance / tau).softmax(dim=-1)
    hard = torch.zeros_like(soft)
    hard[..., 0] = 1
    return ids[near], hard + (soft - soft.detach())
