"""What a run has learned so far, on text that it never trains on."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np
import torch
from transformers import LlamaForCausalLM

from icl.pretrain.batches import Batch, game_batch, prose_batch
from icl.pretrain.curriculum import Curriculum, split
from icl.pretrain.games.categories import held_out

ROWS, TOKENS = 8, 256
FEWEST = 32  # held-out words that will do as labels; else the training ones are used
MOST_WAYS = 4  # categories in a text; held-out ones are asked about where there are as many


class Evaluation:
    """Losses on held-out prose, and on games whose labels and categories training leaves out.

    Args:
        curriculum: of the run.
        prose: (N,) held-out tokens.
    """

    def __init__(self, curriculum: Curriculum, prose: np.ndarray) -> None:
        self.curriculum, self.prose = curriculum, prose

    @cached_property
    def batches(self) -> dict[str, Batch]:
        """What is asked, the same every time: prose, and each game at full difficulty."""
        curriculum, config = self.curriculum, self.curriculum.config
        tokenizer = curriculum.spell.tokenizer
        length = min(TOKENS, max(config.lengths))
        rng = np.random.default_rng((config.seed, 1))
        size = min(config.prose_length, len(self.prose) - 2)
        prose = prose_batch(self.prose, ROWS, size + 1, rng, tokenizer.bos_token_id)
        found = {"prose": prose}
        for number, name in enumerate(config.games):
            rng = np.random.default_rng((config.seed, 2, number))
            table = curriculum.table(config.steps, length, rng)
            labels = np.array(split(curriculum.space.words)[1])
            if len(labels) >= FEWEST:
                table = dataclasses.replace(table, labels=labels)
            groups = held_out(curriculum.groups)[1]
            if len(groups) >= MOST_WAYS:
                table = dataclasses.replace(table, groups=groups)
            found[name] = game_batch(table, {name: 1.0}, ROWS, tokenizer.bos_token_id,
                                     tokenizer.pad_token_id)
        return found

    @torch.inference_mode()
    def run(self, model: LlamaForCausalLM) -> dict[str, Any]:
        """For prose and each game: ``loss`` in nats a target, ``right`` the share of targets."""
        return {name: _measure(model, batch) for name, batch in self.batches.items()
                if batch.target.any()}


def _measure(model: LlamaForCausalLM, batch: Batch) -> dict[str, float]:
    ids, target = batch.input_ids.to(model.device), batch.target.to(model.device)
    wanted, answers = target[:, 1:], ids[:, 1:][target[:, 1:]]
    logits = model.lm_head(model.model(ids[:, :-1]).last_hidden_state[wanted]).float()
    loss = torch.nn.functional.cross_entropy(logits, answers).item()
    right = (logits.argmax(-1) == answers).float().mean().item()
    return {"loss": round(loss, 4), "right": round(right, 4)}
