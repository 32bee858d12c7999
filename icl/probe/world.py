"""What a probe plays with: one language model's words, their space, and ways to write."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from icl.llm import LLM
from icl.pretrain.curriculum import split
from icl.pretrain.formats import Format, Speller, read_formats
from icl.pretrain.games import Table
from icl.pretrain.space import WordSpace, principal_space
from icl.pretrain.strings import Noise, StringMaker

CORE = 8  # directions of a model's embeddings in which strings are near or far
# How far two strings of one class differ: the query is shifted by up to a quarter of its length,
# words are left out, put in, and replaced by near ones.
NOISE = Noise(
    spread=0.4, shared=0.2, stretch=0.2, shift=0.25, jitter=0.2, drop=0.05, distract=0.05
)


@dataclass(frozen=True)
class World:
    """Built by `World.of`.

    Args:
        space: words that are one token, as points.
        spell: text to ids of the model's tokenizer.
        begin: ids every prompt begins with.
        groups: categories of words (token ids), none of which was trained on.
    """

    space: WordSpace
    spell: Speller
    begin: tuple[int, ...]
    groups: list[np.ndarray]

    @classmethod
    def of(cls, llm: LLM, words: list[str], groups: list[list[str]]) -> World:
        """A world in a model's own words.

        Args:
            llm: a model with a tokenizer. If its embeddings are at hand strings are drawn in
                their space, else in one of random points.
            words: candidates; those that are one token with a space before them are taken.
            groups: categories, as words.

        Raises:
            ValueError: the tokenizer has fewer than 200 of the words.
        """
        spell = Speller(llm.tokenizer)
        single = {word: spell.ids(f" {word}")[0] for word in words
                  if len(spell.ids(f" {word}")) == 1}
        if len(single) < 200:
            raise ValueError(
                f"only {len(single)} of {len(words)} words are one token of this model; 200 are "
                "needed to draw strings from"
            )
        tokens = np.array(list(single.values()))
        space = principal_space(_table(llm, tokens), tokens, CORE)
        found = [np.array([single[word] for word in group if word in single]) for group in groups]
        bos = llm.tokenizer.bos_token_id
        return cls(space, spell, () if bos is None else (bos,), found)

    @cached_property
    def formats(self) -> list[Format]:
        """Ways to write an example."""
        return read_formats(self.spell)

    @cached_property
    def labels(self) -> np.ndarray:
        """Token ids of words that named no class in the pocket model's training."""
        return np.array(split(self.space.words)[1])

    def table(self, seed: tuple[int, ...], length: int, tokens: int) -> Table:
        """What a game is played with, all strings of about ``length`` words."""
        maker = StringMaker(self.space, np.random.default_rng(seed))
        return Table(maker, self.labels, [self.formats[0]], self.spell, NOISE,
                     (length, length), tokens, self.groups)


def _table(llm: LLM, tokens: np.ndarray) -> np.ndarray:
    """Embeddings of some tokens (W, E)."""
    model = getattr(llm, "model", None)
    if model is None or not hasattr(model, "get_input_embeddings"):
        return np.random.default_rng(0).standard_normal((len(tokens), CORE))
    weight = model.get_input_embeddings().weight.detach()
    return weight[tokens].float().cpu().numpy()
