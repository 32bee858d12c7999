"""The tabs in which a sound is made: handlers as plain functions."""

from pathlib import Path

import numpy as np
import pytest

from icl import FewShotGenerator, jobs
from icl.llm.transformers import TransformersLLM

gr = pytest.importorskip("gradio", reason="needs the playground extra")
from demos import making, playground  # noqa: E402  (they need gradio)


@pytest.fixture(scope="module")
def generator(codec, llama, tokenizer):
    llm = TransformersLLM(llama, tokenizer)
    return lambda job: FewShotGenerator(job, codec=codec, llm=llm, scales=1)


@pytest.mark.parametrize("bench", making.BENCHES, ids=lambda bench: bench.job)
def test_a_filled_in_tab_makes_a_sound_and_shows_the_prompt(bench, generator):
    pairs, query = bench.ready()
    assert bench.job in jobs.JOBS and all(Path(target).is_file() for _, target in pairs)
    (rate, wave), words = making.make(generator(bench.job), pairs, query, seed=1)
    assert rate == 16000 and wave.ndim == 1 and np.isfinite(wave).all()
    kinds = {kind for _, kind in words if kind}
    assert kinds == ({"scale 1", "label"} if bench.text else {"scale 1"})
    assert kinds <= set(playground.COLOURS)
    (_, again), _ = making.make(generator(bench.job), pairs, query, seed=1)
    assert (again == wave).all()
    (_, none), _ = making.make(generator(bench.job), pairs, query, seed=None)  # an emptied field
    (_, zero), _ = making.make(generator(bench.job), pairs, query, seed=0)
    assert np.array_equal(none, zero)


def test_a_pair_needs_both_sides():
    assert making.add_pair([("a", "b")], " one ", "c.wav") == [("a", "b"), ("one", "c.wav")]
    for source, target in ((None, "c.wav"), (" ", "c.wav"), ("one", None)):
        with pytest.raises(ValueError, match="two sides"):
            making.add_pair([], source, target)


@pytest.mark.parametrize(("pairs", "query", "says"), [
    ([], "one", "at least one pair"), ([("one", "x.wav")], " ", "nothing to make"),
    ([("one", "gone.wav")], "two", "gone.wav"),
])
def test_what_a_user_did_wrong_is_one_line_on_the_page(generator, pairs, query, says):
    handler = playground.on_page(making.make)
    with pytest.raises(gr.Error) as caught:
        handler(generator("speak"), pairs, query)
    assert says in caught.value.message and "\n" not in caught.value.message


def test_pairs_are_listed_by_name():
    enhance, speak = making.BENCHES
    assert making.listed(speak, []) == "*No pair yet.*"
    assert making.listed(speak, [("one", "/a/b.wav")]) == "- one → b.wav"
    assert making.listed(enhance, [("/a/n.wav", "/a/b.wav")]) == "- n.wav → b.wav"
