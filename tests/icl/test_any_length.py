"""Sound of free length: streams of several lengths, each read in one way, with an end if needed."""

from itertools import product

import pytest

from icl.any_length import AnyLength
from icl.constraint import walk
from icl.llm.sampling import Sampling
from icl.llm.server import connect
from icl.llm.transformers import TransformersLLM
from icl.scale_grammar import ScaleGrammar
from llm_codec import Vocabulary
from tests.icl.streams import streams

END = 1  # the end-of-text token of the tokenizer, which is no word


@pytest.fixture(scope="module")
def bound(tokenizer):
    """Two words of the slow scale, one of them among the three that the fast scales share."""
    return Vocabulary([["ba", "be"], ["be", "bi", "bo"], ["be", "bi", "bo"]]).bind(tokenizer)


@pytest.fixture(scope="module")
def shared(tokenizer):
    """All scales share their words."""
    return Vocabulary([["ba", "be"]] * 2).bind(tokenizer)


def books(bound) -> list[list[int]]:
    return [[ids[0] for ids in book] for book in bound.token_ids]


def test_it_allows_every_stream_of_each_length_and_no_other(bound):
    first, second, _ = books(bound)
    short = {(*words, END) for words in product(first, second)}
    assert set(streams(AnyLength(bound, [[1, 2], [1, 1]], END))) == short | {
        *product(first, second, second)
    }


def test_the_longest_needs_no_end_token(shared):
    (ba,), (be,) = shared.token_ids[0]
    found = set(streams(AnyLength(shared, [(1, 1), (2, 2), (1, 1)], END)))
    assert found == {(*words, END) for words in product((ba, be), repeat=2)} | {
        *product((ba, be), repeat=4)
    }


def test_one_length_is_the_grammar_of_its_counts(bound):
    assert set(streams(AnyLength(bound, [[1, 2]], END))) == set(
        streams(ScaleGrammar(bound, [1, 2]))
    )


def test_a_length_whose_words_do_not_fit_any_more_is_dropped(bound):
    """As the word after the first tells which scale it is of."""
    (ba, _), (_, bi, _), _ = books(bound)
    grammar = AnyLength(bound, [[1, 1], [2, 1]], END)
    assert grammar.allowed(walk(grammar, [ba, bi])) is None  # it is of the second: over
    assert set(grammar.allowed(walk(grammar, [ba, ba])).tolist()) == {*books(bound)[1]}
    for stream in ([ba, END], [ba, ba, END], [ba, ba, ba]):
        with pytest.raises(ValueError, match=f"position {len(stream) - 1}: token {stream[-1]}"):
            walk(grammar, stream)


def test_every_stream_is_read_as_words_and_their_counts(bound, shared):
    for words, lengths in ((bound, [(1, 1), (1, 2), (2, 2)]), (shared, [(1, 1), (1, 2), (2, 3)])):
        grammar = AnyLength(words, lengths, END)
        for stream in streams(grammar):
            ids, counts = grammar.read(stream)
            assert ids == [token for token in stream if token != END]
            assert sum(counts) == len(ids) and counts in lengths
            assert walk(ScaleGrammar(words, counts), ids) is None


def test_streams_that_are_not_over_are_not_read(shared):
    grammar = AnyLength(shared, [(1, 1), (2, 2)], END)
    ba = shared.token_ids[0][0][0]
    for stream in ([], [ba], [ba] * 2, [ba] * 3):
        with pytest.raises(ValueError, match="not over"):
            grammar.read(stream)
    with pytest.raises(ValueError, match="ended at token 3"):
        grammar.read([ba, ba, END, ba])


def test_an_end_that_is_a_word_too_ends_where_it_can(shared):
    (ba,), (be,) = shared.token_ids[0]
    grammar = AnyLength(shared, [(1, 1), (1, 2), (2, 2)], be)
    assert grammar.read([ba, be, be]) == ([ba, be], (1, 1))
    assert grammar.read([be, ba, ba, be]) == ([be, ba, ba], (1, 2))
    assert grammar.read([be, be, ba, ba]) == ([be, be, ba, ba], (2, 2))


def test_words_of_several_tokens_that_fit_two_lengths_are_the_shorter_one(make_tokenizer):
    tokenizer = make_tokenizer(["ba", "b"])
    (r,) = tokenizer("r")["input_ids"]
    bound = Vocabulary([["ba", "b"], ["br", r]]).bind(tokenizer)
    ((ba,), (b,)), (br, _) = bound.token_ids
    assert br == (b, r)
    grammar = AnyLength(bound, [(2, 1), (1, 1)], END)
    for counts in ((1, 1), (2, 1)):
        assert walk(ScaleGrammar(bound, counts), [ba, b, r]) is None
    assert grammar.allowed(walk(grammar, [ba, b, r])) is None
    assert grammar.read([ba, b, r]) == ([ba, b, r], (1, 1))


def test_what_is_allowed_stays_so_for_as_long_as_is_said(bound, shared, make_tokenizer):
    spelled = Vocabulary([["ba", "xyz"]] * 2).bind(make_tokenizer(["ba"]))
    for words in (bound, shared, spelled):
        grammar = AnyLength(words, [(1, 1), (1, 2)], END)
        for stream in streams(grammar):
            for place in range(len(stream)):
                state = walk(grammar, stream[:place])
                known = {*grammar.allowed(state).tolist()}
                for later in range(1, grammar.ahead(state)):
                    state = grammar.step(state, stream[place + later - 1])
                    assert {*grammar.allowed(state).tolist()} == known
    grammar = AnyLength(shared, [(2, 4), (4, 8)], END)
    assert grammar.ahead(grammar.start()) == 6


@pytest.mark.parametrize("lengths", [[], [(0, 0)], [(1, 2), (2, 1)], [(1, 1, 1), (1, 1, 1, 1)]])
def test_lengths_that_no_stream_can_tell_apart_are_refused(shared, lengths):
    with pytest.raises(ValueError, match=r"lengths|counts"):
        AnyLength(shared, lengths, END)


@pytest.mark.parametrize("seed", range(4))
def test_sound_of_free_length_ends_on_the_server_as_in_process(
    server, llama, tokenizer, shared, seed
):
    remote, local = connect(server.url, tokenizer), TransformersLLM(llama, tokenizer)
    grammar = AnyLength(shared, [(1, 2), (2, 4), (3, 6)], END)
    greedy, head = Sampling(temperature=0), [0, 5, 9, 50 + seed]
    assert remote.generate(head, grammar, greedy) == local.generate(head, grammar, greedy)
    server.seen.clear()
    ids, counts = grammar.read(remote.generate(head, grammar, Sampling(seed=seed, best_of=2)))
    assert sum(counts) == len(ids)
    asked = [body["max_tokens"] for body in server.seen]
    assert {*asked} <= {3, 2, 1} and len(asked) <= 10  # up to a possible end, then one by one
