"""Servers that take text alone: labels are scored by echo, or by the best tokens told."""

import math

import pytest

from icl.constraint import FreeText, LabelTrie
from icl.llm import as_llm
from icl.llm.client import GarbledAnswer, ServerError
from icl.llm.sampling import Sampling
from icl.llm.server import connect
from icl.llm.text_server import TextServerLLM
from icl.llm.transformers import TransformersLLM
from icl.scale_grammar import ScaleGrammar


@pytest.mark.parametrize("how", ["mute", "deaf", "bare"])
def test_a_server_that_does_not_echo_is_read_by_its_best_tokens(how, server, tokenizer):
    """Of a label that is not told, this much is known: it is no likelier than the last told."""
    server.text_only = True
    setattr(server, how, True)
    llm = as_llm(server.url, tokenizer)
    prompt = [0, *tokenizer(" one two")["input_ids"]]
    best = server.log_probs(prompt)[-1].topk(6)
    tokens, log_probs = best.indices.tolist(), best.values.tolist()
    expected = [log_probs[0], log_probs[3], log_probs[4]]
    found = llm.score(prompt, [[tokens[0]], [tokens[3]], [tokens[5]]])
    assert found == pytest.approx(expected, abs=1e-4)
    with pytest.raises(ServerError, match="no label is among them"):
        llm.score(prompt, [[int(server.log_probs(prompt)[-1].argmin())]])


def test_a_server_that_echoes_the_beginning_too_gives_the_same_scores(server, llama, tokenizer):
    server.text_only = server.whole = True
    prompt = [0, *tokenizer(" one two")["input_ids"]]
    labels = [tokenizer(text)["input_ids"] for text in (" one", " three hundred", " ba")]
    found = as_llm(server.url, tokenizer).score(prompt, labels)
    assert found == pytest.approx(TransformersLLM(llama).score(prompt, labels), abs=1e-3)


def test_a_text_server_chooses_labels_and_cannot_be_held_to_sound(server, tokenizer, vocabulary):
    server.text_only = True
    llm = as_llm(server.url, tokenizer)
    labels = [tokenizer(f" {word}")["input_ids"] for word in ("one", "two")]
    assert llm.generate([0, *labels[0]], LabelTrie(labels), Sampling(seed=1)) in labels
    with pytest.raises(ServerError, match="takes text alone"):
        llm.generate([0, 1], ScaleGrammar(vocabulary.bind(tokenizer), [1]))


def test_free_text_of_a_text_server_stops_before_its_end(server, tokenizer):
    server.text_only = True
    llm, prompt = as_llm(server.url, tokenizer), [0, *tokenizer(" one")["input_ids"]]
    first = int(server.log_probs(prompt)[-1].argmax())
    end = int(server.log_probs([*prompt, first])[-1].argmax())
    greedy = Sampling(temperature=0)
    assert llm.generate(prompt, FreeText(len(tokenizer), end, 4), greedy) == [first]
    with pytest.raises(ServerError, match="ended its line before it wrote anything"):
        llm.generate(prompt, FreeText(len(tokenizer), first, 4), greedy)


def test_a_server_without_candidates_is_used_as_text(server, tokenizer, monkeypatch):
    """One that ignores logprob_token_ids answers with the best tokens only."""
    complete = server.complete

    def old(body, prompt, index):
        return complete({**body, "logprob_token_ids": None, "logprobs": 0}, prompt, index)

    monkeypatch.setattr(server, "complete", old)
    assert isinstance(connect(server.url, tokenizer), TextServerLLM)
    assert math.isfinite(connect(server.url, tokenizer).score([0, 70], [[71]])[0])
    assert issubclass(GarbledAnswer, ServerError)
