"""The answer key of every game follows from its text alone, and every game is text."""

import numpy as np
import pytest
from transformers import PreTrainedTokenizerBase

from icl.pretrain.batches import game_batch
from icl.pretrain.formats import FORMATS, tokenize_formats
from icl.pretrain.games import GAMES, Part, Table, lookup, matching, repetition
from icl.pretrain.strings import Noise
from icl.template import TEMPLATES

FULL = Noise(spread=0.6, shared=0.4, stretch=0.3, shift=0.25, jitter=0.25)
LINES = (0, 2)  # formats that write an example on a line: string, sign, label
SIGNS = {0: " =", 2: " ->"}


def spelled(parts: list[Part], table: Table) -> list[tuple[list[int], bool]]:
    """Token ids and target flag of every part."""
    nearest = table.maker.space.nearest
    contents = (nearest(p.content) if p.content.ndim == 2 else p.content for p in parts)
    return [(ids.tolist(), part.target) for ids, part in zip(contents, parts, strict=True)]


def write(game, table: Table, tokenizer: PreTrainedTokenizerBase) -> tuple[str, list[str]]:
    """The text of a game, and the text of each run of tokens that is trained on."""
    runs = spelled(game(table), table)
    text = tokenizer.decode([token for ids, _ in runs for token in ids])
    return text, [tokenizer.decode(ids) for ids, target in runs if target]


@pytest.mark.parametrize("form", range(len(FORMATS)))
def test_repetition_says_the_same_words_again(make_table, tokenizer, form):
    for seed in range(20):
        text, (answer,) = write(repetition, make_table(seed, form=form), tokenizer)
        closing = FORMATS[form][2]
        half = (len(text) - len(closing)) // 2
        assert text[:half] == text[half + len(closing) :] == answer
        assert text[half : half + len(closing)] == closing


@pytest.mark.parametrize("form", LINES)
def test_matching_without_noise_repeats_the_label_of_the_same_string(make_table, tokenizer, form):
    asked = 0
    for seed in range(40):
        text, answers = write(matching, make_table(seed, form=form), tokenizer)
        known: dict[str, str] = {}
        expected = []
        for line in text.removesuffix("\n").split("\n"):
            string, label = line.split(SIGNS[form])
            if string in known:
                assert label == known[string]
                expected.append(label)
            known[string] = label
        assert answers == expected
        assert len(set(known.values())) == len(known)  # no two classes share a label
        asked += len(answers)
    assert asked > 200


def test_no_label_is_asked_for_before_its_class_was_shown(make_table):
    for seed in range(60):
        table = make_table(seed, noise=FULL, form=0)
        seen: set[tuple[int, ...]] = set()
        runs = spelled(matching(table), table)
        for label, target in runs[3::5]:  # opening, string, middle, label, closing
            assert target == (tuple(label) in seen)
            seen.add(tuple(label))
        assert 1 <= len(seen) <= 6
        assert not any(target for place, (_, target) in enumerate(runs) if place % 5 != 3)


def test_noisy_strings_of_a_label_are_nearer_than_those_of_others(make_table):
    hits = asked = 0
    for seed in range(40):
        parts = matching(make_table(seed, noise=Noise(spread=0.3, shared=0.2), form=0))
        shown: dict[tuple[int, ...], np.ndarray] = {}
        for string, label in zip(parts[1::5], parts[3::5], strict=True):
            name = tuple(label.content)
            if label.target:
                here = six_points(string.content)
                found = min(shown, key=lambda key: np.square(here - shown[key]).sum())
                hits, asked = hits + (found == name), asked + 1
            shown.setdefault(name, six_points(string.content))
    assert asked > 200 and hits / asked > 0.95


def six_points(string: np.ndarray) -> np.ndarray:
    """Strings of different lengths at the same six places."""
    return string[np.linspace(0, len(string) - 1, 6).round().astype(int)]


@pytest.mark.parametrize("form", LINES)
def test_lookup_answers_with_the_string_of_the_name(make_table, tokenizer, form):
    several = 0
    for seed in range(40):
        text, (answer,) = write(lookup, make_table(seed, form=form), tokenizer)
        *shown, last = text.split("\n")
        strings = dict(line.split(SIGNS[form]) for line in shown)
        name, said = last.split(SIGNS[form])
        assert said == answer == strings[name]
        several += len(strings) > 1
    assert several > 30


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("form", range(len(FORMATS)))
def test_every_game_is_text(make_table, tokenizer, name, form):
    for seed in range(10):
        table = make_table(seed, noise=FULL, form=form)
        ids = [token for run, _ in spelled(GAMES[name](table), table) for token in run]
        text = tokenizer.decode(ids)
        assert tokenizer.encode(text, add_special_tokens=False) == ids


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("tokens", [64, 160])
def test_every_game_keeps_within_its_room_and_asks_something(make_table, name, tokens):
    asked = 0
    for seed in range(60):
        table = make_table(seed, noise=FULL, tokens=tokens)
        runs = spelled(GAMES[name](table), table)
        assert sum(len(ids) for ids, _ in runs) <= tokens
        asked += any(target for _, target in runs)
    assert asked >= 45  # a short text may end before any class comes back


@pytest.mark.parametrize("name", GAMES)
def test_the_seed_decides_the_text(make_table, name):
    one, same, other = (
        spelled(GAMES[name](table), table) for table in map(make_table, (1, 1, 2))
    )
    assert one == same != other


def test_prompt_templates_are_among_the_formats():
    pocket, published = TEMPLATES["pocket"], TEMPLATES["uniaudio15"]
    assert pocket.demo == "{}{{source}}{}{{target}}{}".format(*FORMATS[0])
    opening, middle, closing = FORMATS[1]  # its spaces belong to the tokens that follow them
    assert published.demo == f"{opening} {{source}}{middle} {{target}}{closing}"


def test_formats_are_spelled_part_by_part(tokenizer):
    for form, parts in zip(tokenize_formats(tokenizer), FORMATS, strict=True):
        spelled_parts = (form.opening, form.middle, form.closing)
        assert tuple(tokenizer.decode(list(part)) for part in spelled_parts) == parts


def test_a_batch_of_one_game_holds_its_text(make_table, tokenizer):
    batch = game_batch(make_table(5), {"lookup": 1.0}, 1, bos=1, pad=0)
    table = make_table(5)
    table.rng.choice(1, size=1, p=[1.0])  # the draw of the game comes first
    ids = [token for run, _ in spelled(lookup(table), table) for token in run]
    assert batch.input_ids[0, : len(ids) + 1].tolist() == [1, *ids]
