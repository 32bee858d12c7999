"""Constraints are enumerated: they allow what they should and nothing else."""

from itertools import product

import pytest

from icl.constraint import FreeText, LabelTrie, walk
from icl.scale_grammar import ScaleGrammar
from llm_codec import Vocabulary
from tests.icl.streams import streams


def test_trie_allows_exactly_the_labels():
    labels = [(1, 2), (1, 3), (4,), (5, 2, 1)]
    assert sorted(streams(LabelTrie(labels))) == sorted(labels)


def test_trie_does_not_mix_labels_as_a_position_wise_mask_would():
    with pytest.raises(ValueError, match="position 1"):
        walk(LabelTrie([(1, 2), (3, 4)]), [1, 4])


def test_branches_hold_each_shared_beginning_once():
    branches = list(LabelTrie([(1, 2, 3), (1, 2, 4), (5,), (1, 6)]).branches())
    assert branches[0] == ((), (1, 5))
    assert sorted(branches) == [((), (1, 5)), ((1,), (2, 6)), ((1, 2), (3, 4))]


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
        walk(ScaleGrammar(bound, [1]), [bound.token_ids[0][0][0]] * 2)
    with pytest.raises(ValueError, match="counts"):
        ScaleGrammar(bound, [1, 1, 1, 1])


def test_a_word_that_begins_another_is_followed_by_both(make_tokenizer):
    """As in the released vocabulary: only whole words begin with a space."""
    bound = Vocabulary([["ba", "bas"], ["be", "bi"]]).bind(make_tokenizer(["ba", "be", "bi"]))
    (ba, bas), others = bound.token_ids
    expected = {first + ba + last for first in (ba, bas) for last in others}
    assert set(streams(ScaleGrammar(bound, [2, 1]))) == expected  # the last is over when it can be


def test_words_that_can_be_cut_in_two_ways_have_no_grammar():
    class Bound:  # no tokenizer binds to such words
        token_ids = [((1,), (1, 1))]

    with pytest.raises(ValueError, match="scale 1"):
        ScaleGrammar(Bound(), [1])


def test_free_text_ends_at_its_end_or_its_limit():
    text = FreeText(vocab_size=4, end=3, limit=2, banned=[0])
    assert set(streams(text)) == {(a, b) for a in (1, 2) for b in (1, 2, 3)}


def test_what_is_allowed_stays_so_while_a_book_of_single_tokens_is_read(
    tokenizer, make_tokenizer, vocabulary
):
    bound = vocabulary.bind(tokenizer)
    grammar = ScaleGrammar(bound, [2, 4, 8])
    slow, fast = bound.token_ids[0][0], bound.token_ids[1][0]
    assert grammar.ahead(grammar.start()) == 2
    assert [grammar.ahead(walk(grammar, slow * 2 + fast * n)) for n in (0, 3, 4, 11)] == [
        12, 9, 8, 1,  # the two fast scales share their words
    ]  # fmt: skip
    assert ScaleGrammar(bound, [2, 0, 3]).ahead((0, 1, ())) == 1
    spelled = ScaleGrammar(Vocabulary([["ba", "xyz"]]).bind(make_tokenizer(["ba"])), [2])
    assert spelled.ahead(spelled.start()) == 1
