"""Constraints are enumerated: they allow what they should and nothing else."""

from collections.abc import Iterator
from itertools import product

import pytest

from icl.constraint import LabelTrie, ScaleGrammar
from llm_codec import Vocabulary


def streams(constraint: LabelTrie | ScaleGrammar, start: tuple[int, ...] = ()) -> Iterator[tuple]:
    """Everything the constraint lets through."""
    following = constraint.allowed(start)
    if following is None:
        yield start
        return
    for token in following:
        yield from streams(constraint, (*start, token))


def test_trie_allows_exactly_the_labels():
    labels = [(1, 2), (1, 3), (4,), (5, 2, 1)]
    assert sorted(streams(LabelTrie(labels))) == sorted(labels)


def test_trie_does_not_mix_labels_as_a_position_wise_mask_would():
    with pytest.raises(ValueError, match="position 1"):
        LabelTrie([(1, 2), (3, 4)]).allowed([1, 4])


def test_branches_hold_each_shared_beginning_once():
    branches = list(LabelTrie([(1, 2, 3), (1, 2, 4), (5,), (1, 6)]).branches())
    assert branches[0] == ()
    assert sorted(branches) == [(), (1,), (1, 2)]


@pytest.mark.parametrize("labels", [[], [()], [(1,), ()]])
def test_trie_refuses_labels_without_tokens(labels):
    with pytest.raises(ValueError, match="without tokens"):
        LabelTrie(labels)


def test_grammar_allows_every_stream_of_the_right_counts_and_no_other(tokenizer):
    bound = Vocabulary([["ba", "be"], ["be", "bi", "bo"]]).bind(tokenizer)
    first, second = ([ids[0] for ids in book] for book in bound.token_ids)
    expected = set(product(first, second, second))
    assert set(streams(ScaleGrammar(bound, [1, 2]))) == expected


def test_grammar_spells_words_of_several_tokens(make_tokenizer):
    bound = Vocabulary([["ba", "xyz"]]).bind(make_tokenizer(["ba"]))
    (ba, xyz) = bound.token_ids[0]
    assert len(ba) == 1 and len(xyz) > 1
    expected = {a + b for a in (ba, xyz) for b in (ba, xyz)}
    assert set(streams(ScaleGrammar(bound, [2]))) == expected


def test_every_stream_of_the_grammar_decodes_to_codes(tokenizer):
    bound = Vocabulary([["ba"], ["be", "bi"]]).bind(tokenizer)
    frames = bound.config.scale_frames(1)
    some = next(streams(ScaleGrammar(bound, frames)))
    assert [scale.shape[1] for scale in bound.to_codes(some).scales] == list(frames)


def test_grammar_says_where_a_stream_breaks_it(tokenizer, vocabulary):
    bound = vocabulary.bind(tokenizer)
    with pytest.raises(ValueError, match="ended at token 1"):
        ScaleGrammar(bound, [1]).allowed([bound.token_ids[0][0][0]] * 2)
    with pytest.raises(ValueError, match="counts"):
        ScaleGrammar(bound, [1, 1, 1, 1])


def test_words_that_begin_one_another_have_no_grammar(make_tokenizer):
    bound = Vocabulary([["ba", "bas"]]).bind(make_tokenizer(["ba"]))
    with pytest.raises(ValueError, match="scale 1"):
        ScaleGrammar(bound, [1])
