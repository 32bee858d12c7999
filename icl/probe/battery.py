"""The battery: cells of questions, asked of one model, each with chance, oracle and interval."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from tqdm import tqdm

from icl.llm import LLM
from icl.llm.client import ServerError
from icl.llm.sampling import Sampling
from icl.llm.text_server import TextServerLLM
from icl.llm.transformers import TransformersLLM
from icl.probe.questions import Episode, Maker, Question, category, copying, last_of, matching
from icl.probe.record import Record, Score
from icl.probe.world import World

LENGTHS = (8, 16, 48)  # words in a string
SHAPES = ((2, 1), (5, 1), (5, 5))  # ways, shots
CATEGORIES = (2, 4)  # the same, of words


@dataclass(frozen=True)
class Cell:
    """One kind of question.

    Args:
        make: world and seed to a question.
        target: accuracy it is held against; None for none.
        of_oracle: whether ``target`` is a share of the oracle's accuracy.
    """

    make: Maker
    target: float | None = None
    of_oracle: bool = False


CELLS: dict[str, Cell] = {
    "copy 256 words": Cell(copying(256), 0.99),
    "look up by name": Cell(last_of("lookup", 8, 300), 0.98),
    "look up by a sum": Cell(last_of("lookup", 8, 300, " + ")),
    **{
        f"match {ways}-way {shots}-shot, {length} words":
            Cell(matching(ways, shots, length), 0.95 if ways == 2 else 0.9, of_oracle=True)
        for ways, shots in SHAPES for length in LENGTHS
    },
    "one-digit sum": Cell(last_of("arithmetic", 3, 100, " + "), 0.95),
    "one-digit difference": Cell(last_of("arithmetic", 3, 100, " - "), 0.95),
    "category 2-way 4-shot": Cell(category(*CATEGORIES), 0.75),
    "noisy to clean": Cell(last_of("cleaning", 12, 300), 0.9),
    "rule": Cell(last_of("rules", 4, 200)),
    "counting": Cell(last_of("counting", 3, 100)),
    "spelling": Cell(last_of("spelling", 3, 100)),
}  # fmt: skip


class NoRoom(ValueError):
    """A question that is longer than the model's context."""


def choose(llm: LLM, question: Question) -> int:
    """The choice the model finds most likely."""
    return int(np.argmax(llm.score(question.prefix, question.choices)))


def agreed(llm: LLM, question: Question) -> int:
    """Tokens of a free answer that are the model's first choice.

    A model of `transformers` is asked for each after all the right ones before. Any other writes
    the answer by itself: tokens after a first mistake count as they fall.

    Raises:
        ServerError: the model is on a server that takes text alone.
    """
    if isinstance(llm, TextServerLLM):
        raise ServerError(
            f"{llm.client.url} takes text alone, which has no tokens to count; free answers need "
            "a server that takes token ids, such as vLLM: name cells of choices by --cells"
        )
    if not isinstance(llm, TransformersLLM):
        grammar = Anything(llm.vocab_size, len(question.answer))
        found = llm.generate(question.prefix, grammar, Sampling(temperature=0))
        return sum(one == two for one, two in zip(found, question.answer, strict=True))
    ids = torch.tensor([[*question.prefix, *question.answer]], device=llm.model.device)
    with torch.inference_mode():
        logits = llm.model(input_ids=ids[:, :-1], logits_to_keep=len(question.answer)).logits[0]
    return int((logits.argmax(-1) == ids[0, -len(question.answer) :]).sum())


@dataclass(frozen=True)
class Anything:
    """A grammar of ``length`` tokens of any kind."""

    vocab_size: int
    length: int

    def start(self) -> int:
        """Tokens so far."""
        return 0

    def step(self, state: int, token: int) -> int:
        """One more."""
        return state + 1

    def allowed(self, state: int) -> torch.Tensor | None:
        """Every token, until there are enough."""
        return torch.arange(self.vocab_size) if state < self.length else None

    def ahead(self, state: int) -> int:
        """For how many tokens that stays so."""
        return self.length - state


def ask(llm: LLM, world: World, cell: Cell, n: int, seed: int, name: str = "") -> Score:
    """Asks ``n`` questions, or free answers of ``n`` tokens in all and 40 texts at least."""
    right = total = number = hits = 0
    chance = oracle = None
    texts: list[tuple[int, int]] = []
    with tqdm(total=n, desc=name, disable=None, leave=False) as bar:
        while total < n or (chance is None and number < 40):
            question = cell.make(world, (seed, number))
            _require_room(llm, question)
            number += 1
            if question.choices:
                right, total = right + (choose(llm, question) == question.right), total + 1
                hits, chance = hits + (question.oracle == question.right), 1 / len(question.choices)
                oracle = hits / total if question.oracle >= 0 else None
            else:
                texts.append((agreed(llm, question), len(question.answer)))
                right, total = right + texts[-1][0], total + texts[-1][1]
            bar.update(min(total, n) - bar.n)
    target = cell.target
    if target is not None and cell.of_oracle:
        target *= oracle or 0.0
    return Score(right, total, chance, oracle, target, tuple(texts))


def _require_room(llm: LLM, question: Question) -> None:
    asked, answer = len(question.prefix), max(map(len, (*question.choices, question.answer)))
    if not llm.has_room(asked, answer):
        raise NoRoom(f"a question has {asked + answer - 1} tokens, the model's context "
                     f"{llm.context_length}")


def flips(llm: LLM, world: World, n: int, seed: int) -> dict[str, Score]:
    """How many answers change with what should not matter, at 2-way 3-shot and 16 words."""
    changed = {"example order": 0, "label order": 0, "label words": 0}
    for number in tqdm(range(n), desc="flips", disable=None, leave=False):
        table = world.table((seed, number), 16, 4096)
        episode = Episode.draw(table, 2, 3)
        asked = episode.ask(world, table)
        _require_room(llm, asked)
        first = choose(llm, asked)
        other = [table.spell.text(token) for token in table.draw_words(2)]
        orders = table.rng.permutation(len(episode.shown))
        variants = {
            "example order": replace(episode, shown=[episode.shown[at] for at in orders]),
            "label order": replace(episode, names=episode.names[::-1]),
            "label words": replace(episode, names=other),
        }
        for name, variant in variants.items():
            changed[name] += choose(llm, variant.ask(world, table)) != first
    return {f"changed by {name}": Score(count, n) for name, count in changed.items()}


def run(
    llm: LLM, world: World, cells: dict[str, Cell], record: Record, orders: bool = True
) -> None:
    """Asks all cells, into a record, so that a model that fails on the way loses nothing.

    Cells whose questions do not fit the model's context are left out, which the record says.

    Args:
        llm, world: who is asked, about what.
        cells: by name.
        record: gets the scores; its seed and ``n`` say what is drawn.
        orders: whether to ask, too, how many answers change with what should not matter.
    """
    n, seed = record.n, record.seed
    for number, (name, cell) in enumerate(cells.items()):
        with _leaving_out(record, name):
            record.cells[name] = ask(llm, world, cell, n, 1000 * seed + number, name)
    if orders:
        with _leaving_out(record, "changed by order, words"):
            record.cells.update(flips(llm, world, n, 1000 * seed + 999))


@contextmanager
def _leaving_out(record: Record, name: str) -> Iterator[None]:
    try:
        yield
    except NoRoom as reason:
        record.left_out[name] = str(reason)
