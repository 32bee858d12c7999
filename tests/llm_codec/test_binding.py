"""BoundVocabulary: codes <-> ids <-> text, with tokenizers built here."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from llm_codec.codes import Codes
from llm_codec.config import CodecConfig
from llm_codec.vocabulary import BoundVocabulary, Vocabulary, VocabularyError

SLOW = ["river", "stone", "light"]
FAST = ["red", "green", "blue", "black", "white"]


def word_tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    """One token per word; everything else is unknown."""
    table = {word: index for index, word in enumerate(["<unk>", *words])}
    tokenizer = Tokenizer(models.WordLevel(table, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def piece_tokenizer(pieces: list[str]) -> PreTrainedTokenizerFast:
    """SentencePiece manners: a space is a piece's first letter, and every text gets one."""
    table = [("<unk>", 0.0), *((piece, -1.0 - index / 100) for index, piece in enumerate(pieces))]
    tokenizer = Tokenizer(models.Unigram(table, unk_id=0, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def random_codes(sizes: tuple[int, ...], blocks: int, num_samples: int | None = None) -> Codes:
    generator = torch.Generator().manual_seed(blocks)
    strides = [2**power for power in reversed(range(len(sizes)))]
    scales = [
        torch.randint(size, (1, 8 * blocks // stride), generator=generator)
        for size, stride in zip(sizes, strides)
    ]
    return Codes(
        scales=tuple(scales),
        num_samples=torch.tensor([num_samples or blocks * 3840]),
        gain=torch.ones(1),
        codebook_sizes=sizes,
        vq_strides=tuple(strides),
    )


@pytest.fixture
def bound() -> BoundVocabulary:
    return Vocabulary([SLOW, FAST, FAST]).bind(word_tokenizer(SLOW + FAST))


@pytest.mark.parametrize("blocks", [1, 2, 7])
def test_ids_and_codes_are_exact_inverses(bound: BoundVocabulary, blocks: int) -> None:
    codes = random_codes((3, 5, 5), blocks)
    ids = bound.to_ids(codes)
    assert len(ids) == 14 * blocks
    back = bound.to_codes(ids)
    assert back == codes
    assert bound.to_ids(back) == ids
    assert int(back.num_samples) == 3840 * blocks
    assert back.vocabulary == bound.vocabulary.fingerprint and back.codec == ""


def test_ids_run_scale_by_scale(bound: BoundVocabulary) -> None:
    codes = random_codes((3, 5, 5), 1)
    spans = bound.scale_spans(codes)
    assert [(number, len(ids)) for number, ids in spans] == [(1, 2), (2, 4), (3, 8)]
    assert bound.to_ids(codes) == sum((ids for _, ids in spans), [])
    assert bound.to_ids(codes, scales=1) == spans[0][1]
    words = [SLOW[code] for code in codes.scales[0][0].tolist()]
    assert bound.to_text(codes, scales=1) == "".join(f" {word}" for word in words)


def test_text_gives_the_same_ids_through_the_tokenizer(bound: BoundVocabulary) -> None:
    codes = random_codes((3, 5, 5), 3)
    text = bound.to_text(codes)
    assert bound.tokenizer(text, add_special_tokens=False)["input_ids"] == bound.to_ids(codes)


@pytest.mark.parametrize(
    ("num_samples", "expected"),
    [(1, [1, 1, 1]), (480, [1, 1, 1]), (481, [1, 1, 2]), (1921, [2, 3, 5]), (3840, [2, 4, 8])],
)
def test_trimming_leaves_out_words_of_padding(
    bound: BoundVocabulary, num_samples: int, expected: list[int]
) -> None:
    codes = random_codes((3, 5, 5), 1, num_samples)
    assert [len(ids) for _, ids in bound.scale_spans(codes, trim=True)] == expected
    assert list(CodecConfig().valid_frames(num_samples)) == expected


def test_length_and_gain_can_be_given_back(bound: BoundVocabulary) -> None:
    codes = random_codes((3, 5, 5), 2, 5000)
    back = bound.to_codes(bound.to_ids(codes), num_samples=5000, gain=0.5)
    assert back == codes and int(back.num_samples) == 5000 and float(back.gain) == 0.5


def test_parse_errors_say_where(bound: BoundVocabulary) -> None:
    ids = bound.to_ids(random_codes((3, 5, 5), 2))
    wrong = [*ids[:5], 0, *ids[6:]]
    with pytest.raises(VocabularyError, match="position 5, word 2 of 8 of scale 2: token 0 "):
        bound.to_codes(wrong)
    with pytest.raises(VocabularyError, match="27 tokens.*blocks of 14 tokens"):
        bound.to_codes(ids[:-1])
    with pytest.raises(VocabularyError, match="0 tokens"):
        bound.to_codes([])
    with pytest.raises(VocabularyError, match="14 tokens are left at position 14"):
        bound.to_codes(ids[:2] + ids[4:8] + ids[12:20] + ids[:14], num_samples=3840)


def test_wrong_codes_are_refused(bound: BoundVocabulary) -> None:
    with pytest.raises(VocabularyError, match=r"\(3, 5, 6\).*\(3, 5, 5\)"):
        bound.to_ids(random_codes((3, 5, 6), 1))
    codes = random_codes((3, 5, 5), 1)
    with pytest.raises(VocabularyError, match="2 clips"):
        bound.to_ids(Codes.stack([codes, codes]))
    for scales in (0, 4):
        with pytest.raises(VocabularyError, match=f"scales is {scales}; expected 1 to 3"):
            bound.to_ids(codes, scales=scales)


def test_words_of_one_and_two_pieces_parse_back() -> None:
    """The released kind: "can" begins "cancel", raw ids of every token at the fine scales."""
    tokenizer = piece_tokenizer(["▁can", "cel", "▁stop", "▁go", "▁"])
    everything = list(range(len(tokenizer)))
    bound = Vocabulary([["can", "cancel", "go"], everything, everything]).bind(tokenizer)
    assert bound.token_ids[0] == ((1,), (1, 2), (4,))
    for blocks in (1, 2, 5, 9):
        codes = random_codes(bound.vocabulary.sizes, blocks)
        assert bound.to_codes(bound.to_ids(codes)) == codes
    assert bound.word(1, 1) == "cancel" and bound.word(2, 2) == "cel"


def test_a_last_word_is_not_continued_by_the_next_scale() -> None:
    tokenizer = piece_tokenizer(["▁can", "cel", "▁go", "▁"])
    bound = Vocabulary([["can", "cancel", "go"], [2, 3], [2, 3]]).bind(tokenizer)
    zeros = [torch.zeros(1, count, dtype=torch.int64) for count in (2, 4, 8)]
    codes = Codes(tuple(zeros), torch.tensor([3840]), torch.ones(1), (3, 2, 2))
    assert bound.to_ids(codes)[:4] == [1, 1, 2, 2]  # "can can" + "cel", never "can cancel"
    assert bound.to_codes(bound.to_ids(codes)) == codes


def test_readings_that_could_differ_are_refused() -> None:
    tokenizer = piece_tokenizer(["▁can", "cel", "▁go", "▁"])
    with pytest.raises(VocabularyError, match="'cancel' begins with the tokens of 'can'"):
        Vocabulary([["can", "cancel", 2]]).bind(tokenizer)
    with pytest.raises(VocabularyError, match="scale 1: 'go' and 3 are the same tokens"):
        Vocabulary([["go", 3]]).bind(tokenizer)
    with pytest.raises(VocabularyError, match="'cancel'"):  # scale 2 has words of two lengths
        Vocabulary([["can", "cancel"], ["cancel", "go"]]).bind(tokenizer)


def test_a_word_the_tokenizer_lacks_is_named() -> None:
    with pytest.raises(VocabularyError, match="scale 2: .* cannot spell ' blue'"):
        Vocabulary([SLOW, FAST]).bind(word_tokenizer([*SLOW, "red", "green", "white", "black"]))
    with pytest.raises(VocabularyError, match="token id 400 is not in this tokenizer"):
        Vocabulary([[1, 400]]).bind(word_tokenizer(SLOW))


def test_config_must_fit_the_words() -> None:
    with pytest.raises(VocabularyError, match="must agree"):
        Vocabulary([SLOW, FAST, FAST]).bind(word_tokenizer(SLOW + FAST), CodecConfig())


def test_names_of_raw_ids_never_clash() -> None:
    """A word, a piece of the same letters, and a piece with a space in it."""
    tokenizer = piece_tokenizer(["▁can", "cel", "▁go", "▁", "go", "a b"])
    bound = Vocabulary([["go", 5, 6, 2]]).bind(tokenizer)
    assert [bound.word(1, code) for code in range(4)] == ["go", "<id:5>", "<id:6>", "cel"]
    codes = random_codes((4,), 3)
    assert bound.from_text(bound.to_text(codes)) == codes
