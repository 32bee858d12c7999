"""What the fields and buttons of the page are tied to, without a visit."""

import pytest

gr = pytest.importorskip("gradio", reason="needs the playground extra")
from demos import making, playground  # noqa: E402  (they need gradio)


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return playground.build_demo(lambda: None, lambda job: None)


def test_what_visitors_leave_is_deleted_after_an_hour(page):
    assert page.delete_cache == (3600, 3600)


def test_a_seed_of_64_bits_is_refused(page):
    seeds = [block for block in page.blocks.values() if isinstance(block, gr.Number)]
    assert len(seeds) == len(making.BENCHES)
    for seed in seeds:
        assert seed.preprocess(2**32 - 1) == 2**32 - 1
        with pytest.raises(gr.Error, match="maximum"):
            seed.preprocess(2**64)


def test_an_old_answer_goes_when_examples_or_question_change(page):
    answers = {fn.api_name: fn for fn in page.fns.values() if fn.concurrency_id == "model"}
    assert set(answers) == {"ask", "enhance", "speak"}
    for fn in answers.values():
        state, query = (block._id for block in fn.inputs[:2])
        wanted = {(state, "change"), (query, "change")}
        (clear,) = [other for other in page.fns.values() if wanted <= set(other.targets)]
        assert clear.outputs == fn.outputs and clear.fn()[:2] == (None, None)


def test_fields_of_a_pair_are_cleared_and_the_pair_can_be_removed(page):
    for bench in making.BENCHES:
        (add,) = [fn for fn in page.fns.values() if fn.api_name == f"{bench.job}_example"]
        assert add.outputs == add.inputs
        pairs, source, target = add.fn([], "a.wav", "b.wav")
        assert pairs == [("a.wav", "b.wav")] and not source and target is None
    drops = [fn for fn in page.fns.values() if fn.fn is making.drop_last]
    assert len(drops) == len(making.BENCHES)


def test_the_heading_says_how_many_prompts_were_read():
    assert playground.heading() == "What the model read"
    assert playground.heading(4) == "What the model read: the first of 4 prompts"
