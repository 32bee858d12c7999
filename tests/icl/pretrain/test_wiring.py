"""A wired model looks back, compares and votes before any training."""

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from icl.pretrain.layout import Layout
from icl.pretrain.model import build_model
from icl.pretrain.space import WordSpace
from icl.pretrain.strings import Noise, StringMaker
from icl.pretrain.wiring import LOOK_BACK, Wirer

SIZE, MARKS, LAYOUT = 500, 20, Layout(256, 8)
BOS, UNKNOWN, NAMES, LINE, ANSWER = 1, 5, 6, 7, 8  # tokens below MARKS are no words
WORDS = np.arange(MARKS, SIZE)


@pytest.fixture(scope="module")
def table() -> np.ndarray:
    vectors = np.random.default_rng(0).standard_normal((SIZE, 256))
    return LAYOUT.embeddings(vectors, WORDS)


@pytest.fixture(scope="module")
def space(table) -> WordSpace:
    return WordSpace(table[WORDS, LAYOUT.meaning], WORDS)


@pytest.fixture
def maker(space) -> StringMaker:
    """Anew for every test, as what it draws depends on what it drew before."""
    return StringMaker(space, np.random.default_rng(0))


def prompt(maker: StringMaker, ways: int, noise: Noise) -> tuple[list[int], np.ndarray]:
    """``label:words`` lines, then ``?:words =``; the first label is the answer."""
    paths = [maker.path(8) for _ in range(ways)]
    labels = maker.rng.choice(WORDS, size=ways, replace=False)
    ids = [BOS]
    for number in maker.rng.permutation(ways):
        words = maker.space.nearest(maker.string_points(paths[number], noise))
        ids += [labels[number], NAMES, *words, LINE]
    words = maker.space.nearest(maker.string_points(paths[0], noise))
    return [int(token) for token in (*ids, UNKNOWN, NAMES, *words, ANSWER)], labels


@pytest.fixture(scope="module")
def models(table, space) -> dict[str, LlamaForCausalLM]:
    found, maker = {}, StringMaker(space, np.random.default_rng(0))
    for name in ("wired", "random"):
        model = build_model(table, 4, 96, 256, bos=BOS, eos=2, pad=0, seed=0).eval()
        model.requires_grad_(False)
        if name == "wired":
            sample = [prompt(maker, 3, Noise(spread=0.3))[0][:30] for _ in range(8)]
            Wirer(model, LAYOUT, torch.tensor(sample), UNKNOWN, [NAMES]).wire()
        found[name] = model
    return found


def accuracy(model: LlamaForCausalLM, maker: StringMaker, noise: Noise, ways: int = 3) -> float:
    hits = 0
    for _ in range(100):
        ids, labels = prompt(maker, ways, noise)
        logits = model(torch.tensor([ids])).logits[0, -1, labels]
        hits += int(logits.argmax() == 0)
    return hits / 100


def test_gathering_heads_look_back_as_many_tokens_as_they_say(models):
    model = models["wired"]
    model.set_attn_implementation("eager")
    ids = torch.from_numpy(np.random.default_rng(1).choice(WORDS, size=(8, 60)))
    first = model(ids, output_attentions=True).attentions[0]
    model.set_attn_implementation("sdpa")
    places = torch.arange(10, 60)
    for head in range(LOOK_BACK):
        looked = places - first[:, head, 10:].argmax(dim=-1)
        assert (looked == head + 1).float().mean() > 0.95, f"head {head}"
        assert first[:, head, places, places - head - 1].mean() > 0.9, f"head {head}"


def test_the_first_layer_measures_squared_lengths(models, table):
    ids = torch.from_numpy(np.random.default_rng(1).choice(WORDS, size=(4, 60)))
    stream = models["wired"](ids, output_hidden_states=True).hidden_states[1]
    cores = torch.from_numpy(table[ids.numpy()][..., LAYOUT.meaning])
    squares = cores.square().sum(-1)
    expected = sum(w * squares.roll(back, 1) for back, w in enumerate((1.0, 0.8, 0.6, 0.4)))[:, 5:]
    measured = stream[:, 5:, LAYOUT.length]
    assert np.corrcoef(measured.flatten(), expected.flatten())[0, 1] > 0.95


def test_the_second_layer_copies_the_name_of_a_line_to_its_words(models, maker, table):
    ids, _ = prompt(maker, 3, Noise())
    stream = models["wired"](torch.tensor([ids]), output_hidden_states=True).hidden_states[2][0]
    sketches = torch.from_numpy(table[:, LAYOUT.identity] @ LAYOUT.sketcher().T)
    distance = sketches @ stream[:, LAYOUT.name].T - 0.5 * sketches.square().sum(1)[:, None]
    found, right, name = distance.argmax(dim=0), [], 0
    for place, token in enumerate(ids[:-1]):
        if ids[place + 1] == NAMES:
            name = token
        elif token >= MARKS:
            right.append(bool(found[place] == name))
    assert len(right) == 32 and np.mean(right) > 0.9


def test_a_wired_model_names_strings_and_an_unwired_one_does_not(models, maker):
    noise = Noise(spread=0.3, shift=0.1)
    assert accuracy(models["wired"], maker, noise) > 0.75
    assert 0.15 < accuracy(models["random"], maker, noise) < 0.55


def begun(model: LlamaForCausalLM, maker: StringMaker) -> float:
    """Behind a name alone: how often the next word is the first one of a line of that name."""
    hits = 0
    for _ in range(60):
        labels = maker.rng.choice(WORDS, size=4, replace=False).tolist()
        ids, firsts = [BOS], {label: [] for label in labels}
        for label in maker.rng.permutation(labels * 3).tolist():
            words = maker.space.nearest(maker.path(6)).tolist()
            ids += [label, NAMES, *words, LINE]
            firsts[label].append(words[0])
        logits = model(torch.tensor([[*ids, labels[0], NAMES]])).logits[0, -1]
        hits += int(logits[WORDS].argmax()) + MARKS in firsts[labels[0]]
    return hits / 60


def test_a_wired_model_begins_as_a_line_of_the_name_does(models, maker):
    assert begun(models["wired"], maker) > 0.6
    assert begun(models["random"], maker) < 0.1


def test_wiring_leaves_the_embeddings_alone(models, table):
    assert np.array_equal(models["wired"].get_input_embeddings().weight.numpy(), table)


def test_the_second_layer_continues_by_more_than_the_word_before(models, table):
    rng, sketches = np.random.default_rng(4), table[WORDS, LAYOUT.identity] @ LAYOUT.sketcher().T
    sketches /= np.linalg.norm(sketches, axis=1, keepdims=True)
    words = rng.choice(rng.choice(WORDS, size=8, replace=False), size=(10, 40))
    ends = np.full((10, 1), LINE)
    ids = torch.from_numpy(np.concatenate([ends * 0 + BOS, words, ends, words], axis=1))
    stream = models["wired"](ids, output_hidden_states=True).hidden_states[2][..., LAYOUT.answer]
    found = (stream[:, 45:-1] @ torch.from_numpy(sketches).T).argmax(dim=-1)
    assert (WORDS[found] == words[:, 4:]).mean() > 0.95  # each of eight words five times: 0.2
