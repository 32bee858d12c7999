"""The generator: all that is drawn decodes, lasts as long as it should, and follows the seed."""

import numpy as np
import pytest
import torch

from icl import FewShotGenerator, PromptError, jobs
from icl.llm import LLM
from icl.llm.dummy import UniformLLM
from icl.llm.transformers import TransformersLLM
from llm_codec import AudioError, LLMCodec
from llm_codec.parts import sounding


@pytest.fixture
def llm(llama, tokenizer):
    return TransformersLLM(llama, tokenizer)


@pytest.fixture
def make(codec, llm):
    """Builds a generator of tiny models."""
    return lambda task, **settings: FewShotGenerator(task, codec, llm, **settings)


@pytest.fixture
def noisy(tone):
    rng = np.random.default_rng(0)
    return [tone(h, 0.4) + 0.05 * rng.normal(size=6400).astype(np.float32) for h in (200, 900)]


@pytest.fixture
def clean(tone):
    return [0.5 * tone(hertz, 0.4) for hertz in (200, 900)]


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_enhanced_sound_has_the_length_of_its_source(make, noisy, clean, tone, scales):
    generator = make("enhance", scales=scales).fit(noisy, clean)
    for seconds in (0.03, 0.1, 0.25, 0.61):
        query = tone(500, seconds)
        wave = generator.generate(query, seed=1)
        assert wave.shape == query.shape and wave.dtype == np.float32
        assert np.isfinite(wave).all()
        codes = generator.generate_codes(query, seed=1)
        assert len(codes.scales) == scales and generator.codec_.decode(codes).shape[1] == 1


def test_the_level_follows_the_examples(make, noisy, clean, tone):
    generator = make("enhance").fit(noisy, clean)
    quiet, loud = (generator.generate_codes(gain * tone(500, 0.3)).gain.item() for gain in (1, 2))
    assert loud == pytest.approx(2 * quiet, rel=1e-3)
    known = [generator.encode([wave])[0].gain.item() for wave in (noisy[0], clean[0])]
    source = generator.encode([tone(500, 0.3)])[0].gain.item()
    assert quiet == pytest.approx(source * known[1] / known[0], rel=0.2)


def test_the_seed_decides_what_is_made(make, noisy, clean):
    generator = make("enhance", seed=5).fit(noisy, clean)
    one, same, other = (generator.generate(noisy[0], seed=seed) for seed in (1, 1, 2))
    assert (one == same).all() and not np.array_equal(one, other)
    assert (generator.generate(noisy[0]) == generator.generate(noisy[0], seed=5)).all()


def test_each_of_a_list_is_made_as_it_is_alone(make, noisy, clean):
    generator = make("enhance").fit(noisy, clean)
    together = generator.generate(noisy, seed=3)
    assert isinstance(together, list)
    for wave, query in zip(together, noisy, strict=True):
        assert (wave == generator.generate(query, seed=3)).all()


def test_an_array_of_several_channels_is_one_clip(make, noisy, clean):
    generator = make("enhance").fit(noisy, clean)
    stereo = np.stack([noisy[0], 0.5 * noisy[1]])
    mixed = generator.generate(stereo.mean(axis=0), seed=3)
    for given in (stereo, torch.from_numpy(stereo)):
        assert generator.generate(given, seed=3) == pytest.approx(mixed, abs=1e-5)
    (alone,) = generator.generate([stereo], seed=3)
    assert (alone == generator.generate(stereo, seed=3)).all()


def test_a_conversion_keeps_the_ratio_of_the_examples(make, tone):
    generator = make("convert").fit([tone(300, 0.2), tone(400, 0.4)], [tone(300, 0.4)] * 2)
    assert generator.generate(tone(500, 0.4)).shape == (round(0.4 * 16000 * 1.5),)


def test_clips_alone_are_enough_to_learn_how_they_go_on(make, tone, tone_file):
    generator = make("continue").fit([tone(300, 0.5), tone_file(900, 0.7)])
    assert generator.generate(tone(400, 0.3)).shape == (4800,)
    with pytest.raises(PromptError, match="give a target for each source"):
        make("enhance").fit([tone(300, 0.5)])
    with pytest.raises(PromptError, match="codes cannot be cut"):
        make("continue").fit(generator.encode([tone(300, 0.5)]))


def test_halves_of_clips_at_another_rate_are_resampled_once(make, tone):
    slow = make("continue", sample_rate=8000).fit([tone(300, 0.5)])  # a second at 8 kHz
    for source, target in slow._shown.examples:
        assert int(source.num_samples) + int(target.num_samples) == 16000
    with pytest.raises(AudioError, match="a half of clip 0"):
        make("continue").fit([tone(300, 0.04)])


def test_only_words_that_were_shown_are_said_where_that_is_asked(make, noisy, clean):
    free, told = (make("enhance", words=words).fit(noisy, clean) for words in ("all", "shown"))
    targets = told.encode(clean)
    shown = [{c for t in targets for c in sounding(t, k).tolist()} for k in range(3)]

    def said(generator):
        codes = [generator.generate_codes(noisy[0], seed=seed) for seed in range(5)]
        return [{c for one in codes for c in sounding(one, k).tolist()} for k in range(3)]

    assert all(mine <= known for mine, known in zip(said(told), shown, strict=True))
    assert not any(mine <= known for mine, known in zip(said(free), shown, strict=True))
    assert make("speak").fit(["one"], clean[:1]).generate("one").shape == clean[0].shape


def test_text_is_one_of_those_allowed(make, tone):
    allowed = ["one", "one two", "three four five"]
    generator = make("transcribe", texts=allowed).fit([tone(300), tone(900)], ["one", "two"])
    said = {generator.generate(tone(500), seed=seed) for seed in range(30)}
    assert said <= set(allowed) and len(said) > 1


def test_free_text_ends_where_the_texts_of_the_examples_end(codec, tokenizer, tone):
    class Script(UniformLLM):
        """Says one thing after the other."""

        def next_log_probs(self, ids: list[int]) -> torch.Tensor:
            said = [*tokenizer(" two three\n", add_special_tokens=False)["input_ids"]]
            log_probs = torch.full((self.vocab_size,), -50.0)
            log_probs[said[len(ids) - self.start]] = 0.0
            return log_probs

    llm = Script(len(tokenizer), tokenizer=tokenizer)
    generator = FewShotGenerator("transcribe", codec, llm, temperature=0)
    generator.fit([tone(300), tone(900)], ["one", "two"])
    llm.start = len(generator.show_prompt(tone(500)))
    assert generator.generate(tone(500)) == "two three"
    short = FewShotGenerator("transcribe", codec, llm, temperature=0, max_tokens=1)
    assert short.fit([tone(300), tone(900)], ["one", "two"]).generate(tone(500)) == "two"


def test_the_score_is_the_likelihood_of_the_true_targets(make, noisy, clean, llm):
    generator = make("enhance").fit(noisy, clean)
    (source,), (target,) = generator.encode(noisy[:1]), generator.encode(clean[:1])
    ids = generator._writer.vocabulary.to_ids(target, trim=True)
    expected = llm.score(generator.show_prompt(source).ids, [ids])[0] / len(ids)
    assert generator.score(noisy[:1], clean[:1]) == pytest.approx(expected, abs=1e-4)
    assert expected < 0


def test_scikit_learn_can_clone_and_cross_validate(make, tone):
    base = pytest.importorskip("sklearn.base")
    selection = pytest.importorskip("sklearn.model_selection")
    generator = make("enhance", scales=1, best_of=2)
    twin = base.clone(generator)
    assert twin is not generator and twin.get_params() == generator.get_params()
    assert not base.is_classifier(twin)
    clips = [tone(hertz, 0.3 + hertz / 9000) for hertz in (200, 500, 900, 1400)]
    scores = selection.cross_val_score(twin, clips, [0.5 * clip for clip in clips], cv=2)
    assert scores.shape == (2,) and (scores < 0).all()
    speaker = make("speak", scales=1)
    scores = selection.cross_val_score(speaker, ["one", "two", "three", "four"], clips, cv=2)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", jobs.JOBS)
def test_every_job_is_named_as_it_is_listed(name):
    assert jobs.get(name).name == name and jobs.get(name).description


@pytest.mark.parametrize(("task", "sources", "targets", "message"), [
    ("sing", ["one"], [1], "no job is called 'sing'"),
    ("speak", ["one", "two"], ["tone"], "2 sources and 1 targets"),
    ("speak", [], [], "0 sources"),
    ("speak", ["one", 2], ["tone", "tone"], "text 1 is 2 of type int"),
    ("speak", ["one", " "], ["tone", "tone"], "text 1 is empty"),
    ("speak", ["one", "one"], ["tone", "tone"], "examples 0 and 1 are the same"),
    ("speak", "one", ["tone"], "put clips in a list"),
])
def test_examples_that_cannot_work_are_refused(make, tone, task, sources, targets, message):
    targets = [tone(300) if target == "tone" else target for target in targets]
    with pytest.raises(PromptError, match=message):
        make(task).fit(sources, targets)


def test_text_where_sound_is_due_is_refused(make, tone):
    with pytest.raises(AudioError, match="hello"):
        make("enhance").fit([tone(300)], ["hello"])


@pytest.mark.parametrize("setting", [
    {"repeats": 0}, {"max_tokens": 0}, {"seconds": 0.0}, {"scales": 4}, {"template": "none"},
    {"choose": "nearest"}, {"order": "odd"}, {"words": "odd"}, {"scales": "x"}, {"repeats": 1.5},
    {"seed": None}, {"seconds": "x"}, {"max_tokens": "x"}, {"temperature": "x"}, {"top_k": 1.5},
    {"top_p": [1]}, {"best_of": "x"},
])
def test_settings_that_cannot_work_are_refused(make, tone, setting):
    with pytest.raises(PromptError, match=[*setting][0]):
        make("enhance", **setting).fit([tone(300)], [tone(300)])


def test_overflow_is_said_before_the_language_model_runs(make, tone, llm: LLM):
    clips = [tone(hertz, 1.0) for hertz in (200, 500, 900)]
    with pytest.raises(PromptError, match=r"holds 512: [012] of 3 examples fit"):
        make("enhance", repeats=2).fit(clips, clips)
    assert llm.tokens_run == 0
    generator = make("enhance").fit(clips[:1], clips[:1])
    before = llm.tokens_run
    with pytest.raises(PromptError, match="holds 512"):
        generator.generate(tone(300, 9.0))
    assert llm.tokens_run == before


def test_generating_before_fitting_and_codes_of_text_are_refused(make, tone):
    with pytest.raises(PromptError, match="call fit"):
        make("speak").generate("one")
    generator = make("transcribe").fit([tone(300)], ["one"])
    with pytest.raises(PromptError, match="has no codes"):
        generator.generate_codes(tone(300))


def test_a_fit_that_fails_leaves_no_examples(make, noisy, clean, tone):
    generator = make("enhance").fit(noisy, clean)
    with pytest.raises(PromptError, match="holds 512"):
        generator.set_params(repeats=50).fit(noisy, clean)
    with pytest.raises(PromptError, match="call fit"):
        generator.generate(noisy[0])
    assert generator.set_params(repeats=1).fit(noisy, clean).generate(noisy[0]).shape == (6400,)


def test_the_weights_stay_as_they_are(make, llama, noisy, clean, weights_fingerprint):
    before = weights_fingerprint(llama)
    make("enhance", best_of=2).fit(noisy, clean).generate(noisy[0])
    assert weights_fingerprint(llama) == before


def test_a_pair_is_found_by_its_folder(pair, codec: LLMCodec, tone, tmp_path):
    generator = FewShotGenerator(codec=pair / "codec", llm=pair / "llm", task="speak")
    assert generator.fit(["one"], [tone(300, 0.3)]).generate("one").shape == (4800,)
