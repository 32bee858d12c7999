"""Games as text: what the tests of their answer keys read."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase

from icl.pretrain.games import Game, Part, Table


def spelled(parts: list[Part], table: Table) -> list[tuple[list[int], bool]]:
    """Token ids and target flag of every part."""
    nearest = table.maker.space.nearest
    contents = (nearest(p.content) if p.content.ndim == 2 else p.content for p in parts)
    return [(ids.tolist(), part.target) for ids, part in zip(contents, parts, strict=True)]


def write(game: Game, table: Table, tokenizer: PreTrainedTokenizerBase) -> tuple[str, list[str]]:
    """The text of a game, and the text of each run of tokens that is trained on."""
    runs = spelled(game.write(table), table)
    text = tokenizer.decode([token for ids, _ in runs for token in ids])
    return text, [tokenizer.decode(ids) for ids, target in runs if target]


def lines(game: Game, table: Table, tokenizer: PreTrainedTokenizerBase) -> list[tuple[str, str]]:
    """Each line of a game, and what is asked for in it (nothing: empty)."""
    found, text, asked = [], "", ""
    for ids, target in spelled(game.write(table), table):
        piece = tokenizer.decode(ids)
        text, asked = text + piece, asked + piece * target
        if text.endswith("\n"):
            found.append((text[:-1], asked))
            text = asked = ""
    return found
