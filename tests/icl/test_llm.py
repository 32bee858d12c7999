"""Frozen language models: prefix reuse changes speed, never a score, and never a weight."""

import math
import shutil

import pytest
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Mamba2Config,
    MambaConfig,
    MptConfig,
    RwkvConfig,
)

from icl.constraint import LabelTrie
from icl.llm import as_llm
from icl.llm.dummy import UniformLLM
from icl.llm.sampling import Sampling
from icl.llm.transformers import ENDLESS, TransformersLLM

PREFIXES = [
    [0, 5, 9, 30, 31, 32, 40, 41],
    [0, 5, 9, 30, 31, 32, 50],  # shares six tokens with the one before
    [0, 5, 9, 30, 31, 32, 50, 51, 52, 53],  # goes on from the one before
    [0, 5, 9, 30, 31, 32, 50, 51, 52, 53],  # the same again
    [0, 5],  # the beginning of all
    [7, 8, 9],  # nothing in common
]
LABELS = [[100], [101, 102], [101, 103, 104], [105, 102]]


@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral"])
def test_scores_with_prefix_reuse_equal_full_runs(name, full_run, request):
    model = request.getfixturevalue(name)
    llm = TransformersLLM(model)
    llm.hold(PREFIXES[0][:6])
    for prefix in PREFIXES:
        expected = [full_run(model, prefix, label) for label in LABELS]
        assert llm.score(prefix, LABELS) == pytest.approx(expected, abs=1e-4)
    assert llm.tokens_saved > 0


def test_a_shared_prefix_is_run_once(llama):
    llm = TransformersLLM(llama)
    llm.score(PREFIXES[0], [[100], [101]])
    assert llm.tokens_run == len(PREFIXES[0])
    llm.score(PREFIXES[1], [[100], [101]])
    assert llm.tokens_run == len(PREFIXES[0]) + 1
    assert llm.tokens_saved == 6


def test_shared_label_beginnings_are_run_once(llama):
    llm = TransformersLLM(llama)
    llm.score(PREFIXES[0], [[1, 2, 3], [1, 2, 4], [5]])
    assert llm.tokens_run == len(PREFIXES[0]) + 2  # the branches (1,) and (1, 2)


def test_a_held_prefix_is_not_run_again_where_the_cache_cannot_be_cropped(mistral):
    llm = TransformersLLM(mistral)
    llm.hold(PREFIXES[0][:6])
    llm.score(PREFIXES[0], [[100]])
    before = llm.tokens_run
    llm.next_log_probs(PREFIXES[1])
    assert llm.tokens_run == before + 1


def test_no_parameter_requires_a_gradient_and_no_weight_changes(llama, weights_fingerprint):
    before = weights_fingerprint(llama)
    llm = TransformersLLM(llama)
    llm.score(PREFIXES[0], LABELS)
    llm.generate(PREFIXES[0], LabelTrie(LABELS), Sampling(seed=1))
    assert not any(parameter.requires_grad for parameter in llama.parameters())
    assert not llm.next_log_probs(PREFIXES[0]).requires_grad
    assert all(parameter.grad is None for parameter in llama.parameters())
    assert weights_fingerprint(llama) == before


def test_generation_stays_inside_the_grammar_and_follows_the_seed(llama):
    llm = TransformersLLM(llama)

    def draw():
        trie = LabelTrie(LABELS)
        return [llm.generate(PREFIXES[0], trie, Sampling(seed=seed)) for seed in range(8)]

    drawn = draw()
    assert all(stream in LABELS for stream in drawn)
    assert len(set(map(tuple, drawn))) > 1
    assert drawn == draw()


def test_zero_temperature_takes_the_most_likely_next_token(llama):
    llm = TransformersLLM(llama)
    (token,) = llm.generate(PREFIXES[0], LabelTrie([[100], [101], [102]]), Sampling(temperature=0))
    scores = llm.score(PREFIXES[0], [[100], [101], [102]])
    assert token == 100 + scores.index(max(scores))


@pytest.mark.parametrize(
    ("prefix", "labels", "message"),
    [([], [[1]], "empty"), ([0] * 512, [[1, 2]], "context of 512"), ([10**6], [[1]], "1000000")],
)
def test_impossible_prefixes_are_refused_before_the_model_runs(llama, prefix, labels, message):
    llm = TransformersLLM(llama)
    with pytest.raises(ValueError, match=message):
        llm.score(prefix, labels)
    assert llm.tokens_run == 0


def test_the_whole_context_can_be_used(llama):
    assert TransformersLLM(llama).score([0] * 512, [[1]])[0] < 0


@pytest.mark.parametrize(("config", "length"), [
    (BloomConfig(vocab_size=120, hidden_size=16, n_layer=1, n_head=2), ENDLESS),
    (BloomConfig(vocab_size=120, hidden_size=16, n_layer=1, n_head=2, seq_length=64), 64),
    (MptConfig(vocab_size=120, d_model=16, n_layers=1, n_heads=2, max_seq_len=64), 64),
    (MambaConfig(vocab_size=120, hidden_size=16, num_hidden_layers=1, state_size=4), ENDLESS),
    (Mamba2Config(vocab_size=120, hidden_size=16, num_hidden_layers=1, state_size=4, num_heads=4,
                  head_dim=8, n_groups=1), ENDLESS),
])  # fmt: skip
def test_models_name_their_context_in_many_ways_or_have_no_limit(config, length, full_run):
    model = AutoModelForCausalLM.from_config(config).eval()
    llm = TransformersLLM(model)
    assert llm.context_length == length
    for prefix in PREFIXES[:3]:
        expected = [full_run(model, prefix, label) for label in LABELS]
        assert llm.score(prefix, LABELS) == pytest.approx(expected, abs=1e-4)


def test_a_model_without_a_cache_is_refused():
    """It would read no more than the last tokens of a prompt, and give other scores."""
    config = RwkvConfig(vocab_size=120, hidden_size=16, num_hidden_layers=2)
    with pytest.raises(ValueError, match="RwkvForCausalLM takes no cache"):
        TransformersLLM(AutoModelForCausalLM.from_config(config))


def test_a_failed_run_leaves_no_half_grown_cache(llama, monkeypatch):
    llm = TransformersLLM(llama)
    expected = llm.score(PREFIXES[0], LABELS)
    with monkeypatch.context() as patch:
        patch.setattr(llama.lm_head, "forward", lambda hidden: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            llm.score(PREFIXES[1], LABELS)
    assert llm.score(PREFIXES[0], LABELS) == pytest.approx(expected, abs=1e-4)


def test_a_saved_model_loads_with_its_tokenizer(pair, tokenizer, llama):
    llm = TransformersLLM.load(pair / "llm")
    assert llm.vocab_size == len(tokenizer) == len(llm.tokenizer)
    assert llm.context_length == 512
    assert llm.fingerprint == TransformersLLM(llama).fingerprint
    assert llm.score(PREFIXES[0], LABELS) == pytest.approx(
        TransformersLLM(llama).score(PREFIXES[0], LABELS), abs=1e-4
    )


def test_the_uniform_model_gives_every_label_of_one_length_the_same_score():
    llm = UniformLLM(50)
    assert llm.score([1], [[2], [3, 4]]) == pytest.approx([-math.log(50), -2 * math.log(50)])


def test_a_model_that_names_no_tokenizer_is_refused(llama):
    for given in (llama, 3, None):
        with pytest.raises(ValueError, match=r"TransformersLLM\(model, tokenizer\)"):
            as_llm(given)


def test_a_loaded_model_brings_its_tokenizer(pair):
    loaded = AutoModelForCausalLM.from_pretrained(pair / "llm")
    assert len(as_llm(loaded).tokenizer) == loaded.config.vocab_size


def test_a_model_that_lacks_weights_is_refused(pair, tmp_path):
    folder = shutil.copytree(pair / "llm", tmp_path / "llm")
    weights = load_file(folder / "model.safetensors")
    lost = next(name for name in weights if "layers.1" in name)
    kept = {name: weight for name, weight in weights.items() if name != lost}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=f"lacks 1 of the model's weights, {lost}"):
        TransformersLLM.load(folder)


def test_a_tokenizer_may_lie_elsewhere(pair, tokenizer, tmp_path):
    folder = shutil.copytree(pair / "llm", tmp_path / "llm")
    for file in folder.glob("tokenizer*"):
        file.unlink()
    llm = as_llm(folder, str(pair / "llm"))
    assert llm.tokenizer("12")["input_ids"] == tokenizer("12")["input_ids"]
    with pytest.raises(ValueError, match="has a tokenizer; give it there"):
        as_llm(llm, tokenizer)


def test_a_damaged_tokenizer_is_one_line(pair, tmp_path):
    folder = shutil.copytree(pair / "llm", tmp_path / "llm")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="tokenizer"):
        TransformersLLM.load(folder)


def test_what_is_held_is_not_lost_to_a_short_question(llama):
    llm = TransformersLLM(llama)
    head = [*range(1, 40)]
    llm.hold(head, [1])
    llm.score([1, 50, 51], [[3], [4]])
    before = llm.tokens_run
    llm.score([*head, 60], [[3], [4]])
    assert llm.tokens_run - before <= 3
