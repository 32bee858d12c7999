"""The tabs in which a sound is made: handlers as plain functions."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from icl import FewShotGenerator, jobs
from icl.llm.transformers import TransformersLLM
from llm_codec import audio

gr = pytest.importorskip("gradio", reason="needs the playground extra")
from demos import making, playground, visitors  # noqa: E402  (they need gradio)


@pytest.fixture(scope="module")
def generator(codec, llama, tokenizer):
    llm = TransformersLLM(llama, tokenizer)
    return lambda job: FewShotGenerator(job, codec=codec, llm=llm, scales=1)


@pytest.mark.parametrize("bench", making.BENCHES, ids=lambda bench: bench.job)
def test_a_filled_in_tab_makes_a_sound_and_shows_the_prompt(bench, generator):
    pairs, query = bench.ready()
    assert bench.job in jobs.JOBS and all(Path(target).is_file() for _, target in pairs)
    (rate, wave), words = making.make(generator(bench.job), pairs, query, seed=2**32 - 1)
    assert rate == 16000 and wave.ndim == 1 and wave.dtype == np.int16
    kinds = {kind for _, kind in words if kind}
    assert kinds == ({"scale 1", "label"} if bench.text else {"scale 1"})
    assert kinds <= set(playground.COLOURS)
    (_, again), _ = making.make(generator(bench.job), pairs, query, seed=2**32 - 1)
    assert (again == wave).all()
    (_, none), _ = making.make(generator(bench.job), pairs, query, seed=None)  # an emptied field
    (_, zero), _ = making.make(generator(bench.job), pairs, query, seed=0)
    assert np.array_equal(none, zero)


def test_a_pair_needs_both_sides():
    assert making.add_pair([("a", "b")], " one ", "c.wav") == [("a", "b"), ("one", "c.wav")]
    for source, target in ((None, "c.wav"), (" ", "c.wav"), ("one", None)):
        with pytest.raises(ValueError, match="two sides"):
            making.add_pair([], source, target)


def test_a_pair_is_taken_once(tmp_path):
    one, other = (str(tmp_path / name) for name in ("one.wav", "other.wav"))
    for path, samples in ((one, [0.5]), (other, [0.25])):
        audio.save(path, np.array(samples))
    copy = tmp_path / "copy.wav"
    copy.write_bytes(Path(one).read_bytes())
    pairs = making.add_pair(making.add_pair([], "bell", one), "bell", other)
    assert making.add_pair(pairs, "clap", one)[2] == ("clap", one)
    for target in (one, str(copy)):
        with pytest.raises(ValueError, match="^this pair is among the examples already"):
            making.add_pair(pairs, " bell ", target)


def test_the_last_pair_can_be_removed():
    assert making.drop_last([("a", "b"), ("c", "d")]) == [("a", "b")]
    assert making.drop_last([]) == []


def test_a_sound_is_as_loud_as_the_command_writes_it(tmp_path):
    wave = np.array([0.0, 0.01, -0.02, 1.5, -1.5], dtype=np.float32)
    audio.save(tmp_path / "made.wav", wave)
    assert (making.pcm(wave) == soundfile.read(tmp_path / "made.wav", dtype="int16")[0]).all()
    shown = gr.Audio().postprocess((16000, making.pcm(wave)))
    assert (soundfile.read(shown.path, dtype="int16")[0] == making.pcm(wave)).all()


@pytest.mark.parametrize("side", ["source", "target", "query"])
def test_a_clip_longer_than_the_model_can_read_is_refused_at_once(tmp_path, side):
    path = str(tmp_path / "long.wav")
    audio.save(path, np.zeros(1000 * (visitors.LONGEST + 1)), sample_rate=1000)
    pair = {"source": (path, "b.wav"), "target": ("a.wav", path)}.get(side)
    with pytest.raises(ValueError, match="^long.wav lasts 241 s; a clip may last 240 s"):
        making.add_pair([], *pair) if pair else making.make(None, [("a", "b")], path)


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
