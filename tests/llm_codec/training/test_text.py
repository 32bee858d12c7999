"""Text vectors: one for each text, computed once, on one scale for every encoder."""

from __future__ import annotations

import pytest
import torch

from llm_codec.training.text import embedding_encoder, spoken, t5_encoder, text_vectors

TEXTS = ["a dog", "", "rain", "a dog", "two cats"]
RAW = {"a dog": [1.0, 5.0], "rain": [3.0, 5.0], "two cats": [2.0, 8.0]}


def test_each_text_is_encoded_once_and_empty_ones_never() -> None:
    asked = []

    def encode(text: str) -> torch.Tensor:
        asked.append(text)
        return torch.tensor(RAW[text])

    vectors = text_vectors(TEXTS, encode)
    assert sorted(asked) == sorted(RAW)
    assert vectors[1].isnan().all() and not vectors[[0, 2, 3, 4]].isnan().any()
    assert torch.equal(vectors[0], vectors[3])


def test_vectors_are_centred_and_of_unit_spread() -> None:
    vectors = text_vectors(TEXTS, lambda text: torch.tensor(RAW[text]))
    centred = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [0.0, 2.0]])
    expected = centred / (8 / 5) ** 0.5
    assert torch.allclose(vectors[[0, 2, 4]], expected)
    louder = text_vectors(TEXTS, lambda text: 100 * torch.tensor(RAW[text]) + 7)
    assert torch.allclose(louder, vectors, equal_nan=True, atol=1e-5)


def test_one_text_is_no_guidance() -> None:
    with pytest.raises(ValueError, match="have 1 different transcripts .* give it weight 0"):
        text_vectors(["rain", "", "rain"], lambda text: torch.zeros(2))


def test_a_row_says_its_transcript_else_its_label() -> None:
    assert spoken({"label": "3", "transcript": "three"}) == "three"
    assert spoken({"label": "glass_smash", "transcript": ""}) == "glass smash"
    assert spoken({"label": "rain"}) == "rain"
    assert spoken({"label": ""}) == ""


def test_embeddings_of_the_llm_are_averaged_over_tokens(llama, tokenizer) -> None:
    table = llama.get_input_embeddings().weight.detach()
    vector = embedding_encoder(table, tokenizer)("three be")
    ids = [tokenizer.encode(f" {word}", add_special_tokens=False) for word in ("three", "be")]
    assert [len(pieces) for pieces in ids] == [1, 1]
    assert torch.allclose(vector, (table[ids[0][0]] + table[ids[1][0]]) / 2)


def test_t5_is_averaged_over_tokens(t5: str, tokenizer) -> None:
    from transformers import T5EncoderModel

    ids = torch.tensor([tokenizer.encode("three be")])
    with torch.no_grad():
        output = T5EncoderModel.from_pretrained(t5)(input_ids=ids).last_hidden_state
    encode = t5_encoder(t5)
    assert torch.allclose(encode("three be"), output[0].mean(dim=0), atol=1e-6)
    assert encode("three be " * 500).isfinite().all()  # cut, not refused
    vectors = text_vectors(["three be", "zero"], encode)
    assert vectors.shape == (2, 16) and not vectors.requires_grad


class Prefixing:
    """A tokenizer that puts a space before every text, as those of the first LLaMAs do."""

    words = ("▁", "▁a", "▁dog", "▁barks")

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        spelled = f"▁{text}".replace(" ", "▁")
        cut = [f"▁{word}" for word in spelled.split("▁")[1:]]
        return [self.words.index(word) for word in cut]


def test_a_space_that_the_tokenizer_adds_is_no_part_of_a_text() -> None:
    table = torch.arange(8.0).reshape(4, 2)
    assert Prefixing().encode(" dog", add_special_tokens=False) == [0, 2]
    vector = embedding_encoder(table, Prefixing())("dog barks")
    assert torch.equal(vector, table[[2, 3]].mean(dim=0))
