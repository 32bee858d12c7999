"""The classifier: scikit-learn in manner, one clear line when it cannot go on."""

import numpy as np
import pytest
import soundfile
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from icl import FewShotClassifier, PromptError
from icl.llm.dummy import UniformLLM
from icl.llm.transformers import TransformersLLM
from llm_codec import AudioError, Codes, CodesError, LLMCodec, VocabularyError


@pytest.fixture
def llm(llama, tokenizer):
    return TransformersLLM(llama, tokenizer)


@pytest.fixture
def classifier(codec, llm):
    return FewShotClassifier(codec=codec, llm=llm)


@pytest.fixture
def clips(tone):
    return [tone(hertz, 0.4) for hertz in (200, 400, 1600, 3200)]


LABELS = ["two", "one", "two", "one"]


def test_rows_sum_to_one_over_sorted_classes(classifier, clips):
    probabilities = classifier.fit(clips, LABELS).predict_proba(clips)
    assert classifier.classes_.tolist() == ["one", "two"]
    assert probabilities.shape == (4, 2)
    assert probabilities.sum(axis=1) == pytest.approx(1.0)
    predicted = classifier.predict(clips)
    assert predicted.tolist() == classifier.classes_[probabilities.argmax(axis=1)].tolist()
    assert 0 <= classifier.score(clips, LABELS) <= 1


def test_probabilities_are_those_of_one_plain_forward_pass(classifier, clips, llama, tokenizer):
    classifier.fit(clips[:2], LABELS[:2])
    prompt = classifier.show_prompt(clips[2])
    with torch.no_grad():
        log_probs = llama(torch.tensor([prompt.ids])).logits[0, -1].log_softmax(-1)
    ids = [tokenizer(f" {label}")["input_ids"][-1] for label in classifier.classes_]
    expected = log_probs[ids].softmax(-1).numpy()
    assert classifier.predict_proba([clips[2]])[0] == pytest.approx(expected, abs=1e-4)


def test_paths_arrays_tensors_and_codes_of_one_clip_give_one_answer(
    classifier, codec, clips, tone_file
):
    path = tone_file(200, 0.4)
    wave, _ = soundfile.read(path, dtype="float32")
    forms = [path, str(path), wave, torch.from_numpy(wave), codec.encode(wave)]
    rows = classifier.fit(clips, LABELS).predict_proba(forms)
    assert rows == pytest.approx(np.tile(rows[0], (5, 1)), abs=1e-5)


def test_arrays_at_another_rate_are_resampled(codec, llm, tone):
    classifier = FewShotClassifier(codec=codec, llm=llm, sample_rate=8000)
    (codes,) = classifier.encode([tone(300, 0.4, 8000)])
    assert codes.num_samples.item() == 6400


def test_weights_are_byte_identical_after_fit_and_predict(
    classifier, clips, llama, weights_fingerprint
):
    before = weights_fingerprint(llama)
    classifier.fit(clips, LABELS).predict_proba(clips)
    classifier.show_prompt(clips[0])
    assert weights_fingerprint(llama) == before
    assert not any(parameter.requires_grad for parameter in llama.parameters())


def test_examples_are_run_once_for_all_queries(classifier, llm, clips):
    classifier.fit(clips, LABELS).predict(clips[:1])
    before = llm.tokens_run
    classifier.predict(clips[1:2])
    tail = classifier._writer.query(classifier.encode(clips[1:2])[0])
    assert llm.tokens_run - before <= len(tail)


def test_the_seed_moves_examples_and_the_order_given_keeps_them(codec, llm, tone):
    clips, given = [tone(200 + 90 * step, 0.4) for step in range(8)], LABELS * 2

    def labels(**settings):
        fitted = FewShotClassifier(codec, llm, **settings).fit(clips, given)
        prompt = fitted.show_prompt(clips[0])
        return [segment.text.strip() for segment in prompt.segments if segment.kind == "label"]

    assert labels(order="given") == given
    assert sorted(labels(seed=1)) == sorted(given)
    assert labels(seed=1) == labels(seed=1)
    assert len({tuple(labels(seed=seed)) for seed in range(5)}) > 1


def test_the_mean_per_token_is_fair_to_long_labels(codec, tokenizer, clips):
    labels = ["one", "one hundred one", "one", "one hundred one"]
    uniform = UniformLLM(len(tokenizer), tokenizer=tokenizer)
    summed, mean = (
        FewShotClassifier(codec, uniform, aggregate=how).fit(clips, labels).predict_proba(clips)
        for how in ("sum", "mean")
    )
    assert mean == pytest.approx(np.full((4, 2), 0.5))
    assert (summed[:, 0] > 0.99).all()  # the shorter label


def test_clips_that_hold_no_sound_are_refused(classifier, clips, tone):
    classifier.fit(clips, LABELS)
    for wave, message in [
        (np.zeros(8000, np.float32), "silent"),
        (tone(300)[:1], "lasts 1 samples, too short.*30 ms"),
        (np.full(8000, np.nan, np.float32), "NaN|finite"),
    ]:
        with pytest.raises(AudioError, match=message):
            classifier.predict([wave])


def test_a_clip_that_is_not_in_a_list_is_refused(classifier, clips, tone_file):
    classifier.fit(clips, LABELS)
    for alone in (clips[0], torch.from_numpy(clips[0]), tone_file(300), str(tone_file(300))):
        with pytest.raises(PromptError, match="put clips in a list"):
            classifier.predict(alone)
    assert classifier.predict(np.stack(clips)).shape == (4,)
    assert classifier.predict(np.array([str(tone_file(300))])).shape == (1,)


def test_overflow_is_said_before_the_language_model_runs(codec, llm, clips):
    classifier = FewShotClassifier(codec, llm, repeats=50)
    with pytest.raises(PromptError, match="holds 512: [0-3] of 4 examples fit"):
        classifier.fit(clips, LABELS)
    assert llm.tokens_run == 0


def test_a_long_query_overflows_too(classifier, clips, tone):
    classifier.fit(clips, LABELS)
    with pytest.raises(PromptError, match="holds 512"):
        classifier.predict([tone(300, 65.0)])


def test_a_model_that_is_smaller_than_its_tokenizer_is_refused(
    codec, tokenizer, clips, llama_sizes
):
    config = LlamaConfig(**llama_sizes | {"vocab_size": 40})
    small = TransformersLLM(LlamaForCausalLM(config), tokenizer)
    with pytest.raises(VocabularyError, match="knows 0 to 39"):
        FewShotClassifier(codec, small).fit(clips, LABELS)


def test_a_codec_or_a_model_without_words_is_refused(llama, llm, codec, clips):
    with pytest.raises(VocabularyError, match="codec has no vocabulary"):
        FewShotClassifier(LLMCodec.tiny(), llm).fit(clips, LABELS)
    with pytest.raises(VocabularyError, match="LLM has no tokenizer"):
        FewShotClassifier(codec, TransformersLLM(llama)).fit(clips, LABELS)


def test_codes_of_another_codec_are_refused(classifier, clips, vocabulary):
    other = LLMCodec.tiny(vocabulary, seed=9).encode(clips[0])
    assert isinstance(other, Codes)
    with pytest.raises(CodesError, match="encode it again"):
        classifier.fit([*clips[:1], other], LABELS[:2])


def test_predicting_before_fitting_is_refused(classifier, clips):
    with pytest.raises(PromptError, match="call fit"):
        classifier.predict(clips)


def test_a_pair_on_disk_is_found_by_its_folder(pair, clips):
    classifier = FewShotClassifier(codec=pair / "codec", llm=str(pair / "llm"))
    assert classifier.fit(clips, LABELS).predict(clips).shape == (4,)
    llm = classifier.llm_
    assert classifier.fit(clips, LABELS).llm_ is llm  # loaded once


def test_a_loaded_transformers_model_can_be_given(codec, pair, clips):
    model = LlamaForCausalLM.from_pretrained(pair / "llm")
    classifier = FewShotClassifier(codec, model).fit(clips, LABELS)
    assert isinstance(classifier.llm_, TransformersLLM)


def test_scikit_learn_can_clone_and_cross_validate(classifier, clips):
    base = pytest.importorskip("sklearn.base")
    selection = pytest.importorskip("sklearn.model_selection")
    twin = base.clone(classifier.set_params(scales=2))
    assert twin is not classifier and twin.get_params() == classifier.get_params()
    assert base.is_classifier(twin)
    scores = selection.cross_val_score(twin, clips, LABELS, cv=2)
    assert scores.shape == (2,)


def test_an_example_that_comes_twice_is_refused(classifier, clips):
    for labels in (["one", "two", "one"], ["one", "two", "two"]):
        with pytest.raises(PromptError, match="examples 0 and 2 are the same clip"):
            classifier.fit([*clips[:2], clips[0]], labels)


def test_unknown_parameters_are_named(classifier):
    with pytest.raises(ValueError, match="shape"):
        classifier.set_params(shape=3)


def test_a_score_takes_labels_as_fit_does(classifier, clips):
    classifier.fit(clips, LABELS)
    spaced = [f" {label}" for label in LABELS]
    assert classifier.score(clips, spaced) == classifier.score(clips, LABELS)
    with pytest.raises(PromptError, match="clips but 1 labels; give one for each"):
        classifier.score(clips, LABELS[:1])
    with pytest.raises(PromptError, match="of type int"):
        classifier.score(clips, [1] * len(clips))
