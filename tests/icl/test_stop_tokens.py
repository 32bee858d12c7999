"""Raw-id vocabularies hold control and byte ids: they are words there, and stop nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from transformers import GPT2LMHeadModel, LlamaForCausalLM, PreTrainedTokenizerFast

from icl.llm.dummy import UniformLLM
from icl.llm.sampling import Sampling
from icl.llm.transformers import TransformersLLM
from icl.scale_grammar import ScaleGrammar
from icl.writer import PromptWriter
from llm_codec import Vocabulary
from llm_codec.vocabulary import BoundVocabulary

COUNTS = (2, 4, 8)


@pytest.fixture(scope="module")
def control(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Beginning, end (which is padding too), and the bytes of a line's end and a space."""
    bytes_ = tokenizer.convert_tokens_to_ids(["Ċ", "Ġ"])
    return [tokenizer.bos_token_id, tokenizer.eos_token_id, *bytes_]


@pytest.fixture(scope="module")
def bound(control: list[int], tokenizer: PreTrainedTokenizerFast) -> BoundVocabulary:
    """Nothing but control and byte ids at the fine scales."""
    return Vocabulary([["one", "two"], control, control]).bind(tokenizer)


@pytest.fixture(params=["llama", "gpt2", "uniform"])
def llm(
    request: pytest.FixtureRequest, tokenizer: PreTrainedTokenizerFast, llama: LlamaForCausalLM,
    gpt2: GPT2LMHeadModel,
) -> TransformersLLM | UniformLLM:
    if request.param == "uniform":
        return UniformLLM(len(tokenizer), tokenizer=tokenizer)
    return TransformersLLM({"llama": llama, "gpt2": gpt2}[request.param], tokenizer)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_generation_goes_on_past_control_ids(
    llm: TransformersLLM, bound: BoundVocabulary, control: list[int], temperature: float
) -> None:
    for seed in range(5):
        sampling = Sampling(temperature, seed=seed)
        ids = llm.generate([control[0]], ScaleGrammar(bound, COUNTS), sampling)
        assert len(ids) == sum(COUNTS)
        assert bound.to_ids(bound.to_codes(ids)) == ids
    if temperature:
        assert control[1] in ids[2:-1]  # the end of text, in the midst of it


def test_a_stream_of_nothing_but_ends_is_read_and_scored(
    llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, bound: BoundVocabulary
) -> None:
    """As tokens like all others: nothing is masked as padding, nothing cut off."""
    end = tokenizer.eos_token_id
    ids = [*bound.token_ids[0][0], *bound.token_ids[0][1], *[end] * 12]
    codes = bound.to_codes(ids)
    assert bound.to_ids(codes) == ids and bound.from_text(bound.to_text(codes)) == codes
    score = TransformersLLM(llama, tokenizer).score(ids[:3], [ids[3:]])[0]
    with torch.inference_mode():
        logits = llama(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids))).logits[0]
    expected = logits.log_softmax(-1)[2:-1].gather(1, torch.tensor(ids[3:])[:, None]).sum()
    assert score == pytest.approx(float(expected), abs=1e-3)


def test_a_prompt_keeps_every_control_id(
    bound: BoundVocabulary, tokenizer: PreTrainedTokenizerFast, make_codes: Callable
) -> None:
    codes = make_codes(bound)
    prompt = PromptWriter("pocket", bound, tokenizer, scales=3).query(codes)
    audio = [token for part in prompt.segments if part.kind == "audio" for token in part.ids]
    assert audio == bound.to_ids(codes, trim=True)
    assert tokenizer.eos_token in prompt.text


@pytest.fixture(scope="module")
def make_codes() -> Callable:
    def make(bound: BoundVocabulary):
        first = [token for ids in bound.token_ids[0] for token in ids]
        return bound.to_codes([*first, *[bound.token_ids[1][1][0]] * 12])

    return make
