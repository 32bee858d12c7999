"""What a step of training reads: prose or games, how long and how hard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from icl.pretrain.batches import Batch, game_batch, prose_batch
from icl.pretrain.config import PretrainConfig
from icl.pretrain.formats import Speller, read_formats
from icl.pretrain.games import Table
from icl.pretrain.games.categories import held_out
from icl.pretrain.space import WordSpace
from icl.pretrain.strings import Noise, StringMaker

HELD_OUT = 10  # one word in so many never names a class in training


def split(items: list | np.ndarray) -> tuple[list, list]:
    """Items for training, and every tenth, which is kept for evaluation."""
    kept = [item for number, item in enumerate(items) if number % HELD_OUT == HELD_OUT - 1]
    used = [item for number, item in enumerate(items) if number % HELD_OUT != HELD_OUT - 1]
    return used, kept


@dataclass(frozen=True)
class Curriculum:
    """Batches by step; each depends on config, step and rank alone, so that runs can go on.

    Args:
        config: the recipe.
        corpus: (N,) tokens of prose.
        space: where strings of words are drawn.
        spell: text to ids.
        groups: categories of words, by name.
    """

    config: PretrainConfig
    corpus: np.ndarray
    space: WordSpace
    spell: Speller
    groups: dict[str, np.ndarray]

    def batch(self, step: int, rank: int = 0) -> tuple[str, Batch]:
        """The batch of a step and its kind, ``"prose"`` or ``"games"``, for one process of many."""
        config = self.config
        kinds = np.random.default_rng((config.seed, step))
        begun = step >= config.prose_from * config.steps
        if begun and kinds.random() < config.prose_share:
            rng = np.random.default_rng((config.seed, step, 1, rank))
            rows = max(1, config.batch_tokens // config.prose_length)
            bos = self.spell.tokenizer.bos_token_id
            return "prose", prose_batch(self.corpus, rows, config.prose_length + 1, rng, bos)
        return "games", self.games(step, int(kinds.choice(config.lengths)), rank)

    def games(self, step: int, length: int, rank: int = 0) -> Batch:
        """Texts of games of ``length`` tokens, as they are at a step."""
        rng = np.random.default_rng((self.config.seed, step, 2, rank))
        tokenizer, rows = self.spell.tokenizer, max(1, self.config.batch_tokens // length)
        return game_batch(self.table(step, length, rng), self.config.games, rows,
                          tokenizer.bos_token_id, tokenizer.pad_token_id)

    def table(self, step: int, tokens: int, rng: np.random.Generator) -> Table:
        """What the games are played with at a step: harder as the ramp goes on."""
        config = self.config
        progress = min(1.0, step / max(1.0, config.ramp * config.steps))
        noise = Noise(config.spread, config.shared, config.stretch, config.shift, config.jitter,
                      config.drop, config.distract)
        longest = max(config.shortest, round(6 + (config.longest - 6) * progress))
        return Table(
            StringMaker(self.space, rng), np.array(split(self.space.words)[0]),
            read_formats(self.spell), self.spell, noise.scaled(progress),
            (config.shortest, longest), tokens, held_out(self.groups)[0],
        )  # fmt: skip
