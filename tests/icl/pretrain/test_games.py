"""Every game is text within its room, its seed decides it, and its formats are those of prompts."""

import pytest

from icl.pretrain.batches import game_batch
from icl.pretrain.formats import Speller, read_formats
from icl.pretrain.games import GAMES
from icl.pretrain.strings import Noise
from icl.template import TEMPLATES
from tests.icl.pretrain.writing import spelled, write

FULL = Noise(0.6, 0.4, 0.3, 0.25, 0.25, 0.1, 0.1)
FORMS = range(8)


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("form", FORMS)
def test_every_game_is_text(make_table, tokenizer, name, form):
    for seed in range(5):
        text, _ = write(GAMES[name], make_table(seed, noise=FULL, form=form), tokenizer)
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert text and tokenizer.decode(ids) == text


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("tokens", [128, 256])
def test_every_game_keeps_within_its_room_and_asks_something(make_table, name, tokens):
    asked = 0
    for seed in range(40):
        table = make_table(seed, noise=FULL, tokens=tokens)
        runs = spelled(GAMES[name].write(table), table)
        assert sum(len(ids) for ids, _ in runs) <= 1.5 * tokens  # what is over is cut
        asked += any(target for _, target in runs)
    assert asked >= 30  # a short text may have no room to ask


@pytest.mark.parametrize("name", GAMES)
def test_the_seed_decides_the_text(make_table, name):
    one, same, other = (
        spelled(GAMES[name].write(table), table) for table in map(make_table, (1, 1, 2))
    )
    assert one == same != other


@pytest.mark.parametrize(("name", "number"), [("pocket", 0), ("pocket-last", 1), ("uniaudio15", 2)])
def test_prompt_templates_are_among_the_formats(tokenizer, name, number):
    form, template = read_formats(Speller(tokenizer))[number], TEMPLATES[name]
    demonstration, question = (
        text.replace("{string}", "{source}").replace("{label}", "{target}") for text in form.texts
    )
    assert demonstration == template.demo
    assert question.startswith(template.query + "{target}")
    assert form.bare == (template.text_prefix == "")
    assert form.instruction == template.instruction


def test_the_published_instruction_lists_the_labels(make_table, tokenizer):
    form = read_formats(Speller(tokenizer))[2]
    line = tokenizer.decode(list(form.opening(["snow", "bread"])))
    assert line == TEMPLATES["uniaudio15"].instruction.format(labels="'bread' or 'snow'")


def test_a_batch_of_one_game_holds_its_text(make_table):
    batch = game_batch(make_table(5), {"lookup": 1.0}, 1, bos=1, pad=0)
    table = make_table(5)
    table.rng.choice(1, size=1, p=[1.0])  # the draw of the game comes first
    ids = [token for run, _ in spelled(GAMES["lookup"].write(table), table) for token in run]
    assert batch.input_ids[0, : len(ids) + 1].tolist() == [1, *ids]
