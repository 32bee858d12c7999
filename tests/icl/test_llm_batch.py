"""Many questions at once, several prefixes held, several drafts: faster, and the same answers."""

import pytest
import torch

from icl.constraint import LabelTrie
from icl.llm.base import StepwiseLLM
from icl.llm.dummy import UniformLLM
from icl.llm.sampling import Sampling
from icl.llm.transformers import TransformersLLM
from icl.scale_grammar import ScaleGrammar

HEAD = [0, 5, 9, 30, 31, 32, 40, 41]
QUERIES = [[*HEAD, *range(50, 50 + length)] for length in (3, 1, 6, 2, 4)]
LABELS = [[100], [101, 102], [101, 103, 104], [105, 102]]


@pytest.mark.parametrize("batch_size", [1, 2, 32])
@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral"])
def test_scores_of_many_queries_equal_full_runs_of_each(name, batch_size, full_run, request):
    model = request.getfixturevalue(name)
    together = TransformersLLM(model, batch_size=batch_size)
    together.hold(HEAD)
    for labels in (LABELS, [[100], [101]], [[100, 101, 102]]):
        expected = [[full_run(model, query, label) for label in labels] for query in QUERIES]
        found = together.score_many(QUERIES, labels)
        assert [*map(list, found)] == [pytest.approx(row, abs=1e-4) for row in expected]


def test_queries_that_share_nothing_are_scored_too(llama):
    prefixes = [[1, 2, 3], [4, 5]]
    expected = [TransformersLLM(llama).score(prefix, LABELS) for prefix in prefixes]
    found = TransformersLLM(llama).score_many(prefixes, LABELS)
    assert found == [pytest.approx(row, abs=1e-4) for row in expected]


def test_a_held_prefix_is_run_once_for_a_whole_batch(llama):
    llm = TransformersLLM(llama)
    llm.hold(HEAD)
    assert llm.tokens_run == len(HEAD)
    llm.score_many(QUERIES, [[100], [101]])
    assert llm.tokens_run == len(HEAD) + 6 * len(QUERIES)  # padded to the longest tail
    assert llm.tokens_saved == len(HEAD) * len(QUERIES)


def test_several_prefixes_are_held_side_by_side(llama):
    llm = TransformersLLM(llama)
    other = [0, 7, 8, 9]
    llm.hold(HEAD, other)
    before = llm.tokens_run
    for _ in range(3):
        llm.score([*HEAD, 50], [[100]])
        llm.score([*other, 50], [[100]])
    assert llm.tokens_run == before + 6  # one new token in each


def test_impossible_prefixes_of_a_batch_are_refused(llama):
    llm = TransformersLLM(llama)
    with pytest.raises(ValueError, match="context of 512"):
        llm.score_many([[0], [0] * 512], LABELS)
    assert llm.tokens_run == 0


@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral"])
def test_drafts_of_a_batch_are_those_drawn_alone_without_a_cache(name, request, monkeypatch):
    """With numbers that leave no doubt, as a batch may differ in its last digits."""
    model = request.getfixturevalue(name)
    sampling = Sampling(temperature=0.7, top_k=5, seed=3, best_of=4)
    together = TransformersLLM(model).generate(HEAD, LabelTrie(LABELS), sampling)
    plain = TransformersLLM(model)
    monkeypatch.setattr(plain, "next_log_probs", lambda ids: model(
        input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].log_softmax(-1))
    assert together == StepwiseLLM.generate(plain, HEAD, LabelTrie(LABELS), sampling)
    assert plain.tokens_run == 0


def test_the_best_of_several_is_the_most_likely(llama, vocabulary, tokenizer):
    grammar = ScaleGrammar(vocabulary.bind(tokenizer), [2, 4, 8])
    llm = TransformersLLM(llama)

    def likelihood(ids):
        state, total = grammar.start(), 0.0
        for position, token in enumerate(ids):
            allowed = grammar.allowed(state)
            row = llm.next_log_probs([*HEAD, *ids[:position]])[allowed].log_softmax(-1)
            total += float(row[allowed.tolist().index(token)])
            state = grammar.step(state, token)
        return total

    def drawn(seed, best_of):
        return llm.generate(HEAD, grammar, Sampling(seed=seed, best_of=best_of))

    pairs = [[likelihood(drawn(seed, best_of)) for best_of in (1, 12)] for seed in range(3)]
    assert all(many >= one - 1e-4 for one, many in pairs)
    assert any(many > one + 1 for one, many in pairs)
    assert drawn(0, 12) == drawn(0, 12)


def test_half_precision_models_are_taken_as_they_are(llama, pair):
    llm = TransformersLLM.load(pair / "llm", dtype=torch.bfloat16)
    assert llm.model.dtype == torch.bfloat16
    expected = TransformersLLM(llama).score(HEAD, [[100], [101]])
    assert llm.score(HEAD, [[100], [101]]) == pytest.approx(expected, abs=0.2)


@pytest.mark.filterwarnings("ignore")  # torch says where its own quantisation is moving
def test_quantised_models_are_taken_as_they_are(pair):
    """Weights in 8 bits are no parameters any more: nothing to freeze, nothing to move."""
    whole = TransformersLLM.load(pair / "llm")
    quantized = torch.ao.quantization.quantize_dynamic(
        TransformersLLM.load(pair / "llm").model, {torch.nn.Linear}, dtype=torch.qint8
    )
    llm = TransformersLLM(quantized, whole.tokenizer)
    expected = whole.score_many(QUERIES, LABELS)
    for row, known in zip(llm.score_many(QUERIES, LABELS), expected, strict=True):
        assert row == pytest.approx(known, abs=1.0) and row != known
    assert len(llm.fingerprint) == 16


def test_the_uniform_model_scores_many_and_draws(vocabulary, tokenizer):
    llm = UniformLLM(len(tokenizer))
    assert llm.score_many([[1], [2]], [[3]]) == [llm.score([1], [[3]])] * 2
    bound = vocabulary.bind(tokenizer)
    ids = llm.generate([1], ScaleGrammar(bound, [2, 4, 8]), Sampling(best_of=2))
    assert bound.to_ids(bound.to_codes(ids)) == ids
