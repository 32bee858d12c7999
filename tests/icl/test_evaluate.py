"""An evaluation is one record, the same for the same seed, and leaves the weights alone."""

import json

import pytest

from icl import FewShotClassifier, tasks
from icl.evaluate import evaluate
from icl.llm.transformers import TransformersLLM


@pytest.fixture
def classifier(codec, llama, tokenizer):
    return FewShotClassifier(codec, TransformersLLM(llama, tokenizer))


@pytest.fixture
def recordings(tmp_path, tone):
    import soundfile

    folder = tmp_path / "recordings"
    folder.mkdir()
    for digit in range(3):
        for take in range(4):
            wave = tone(300 * (digit + 1) + 10 * take, 0.3, 8000)
            soundfile.write(folder / f"{digit}_ann_{take}.wav", wave, 8000)
    return tmp_path


def test_a_record_holds_the_score_and_its_references(classifier, recordings):
    record = evaluate(
        tasks.get("fsdd"), classifier, ways=2, shots=1, episodes=6, split="test", root=recordings
    )
    assert record.score.n == 6 and record.chance == 0.5
    assert set(record.references) == {"mfcc_nearest_mean", "uniform"}
    assert record.fingerprints["llm"] == classifier.llm_.fingerprint
    assert record.fingerprints["codec"] == classifier.codec_.fingerprint
    assert record.tokens_run > 0 and record.settings["scales"] == 1
    right = sum(item["predicted"] == item["gold"] for item in record.items)
    assert record.score.correct == right
    assert len(record.score.clips) == len({item["query"] for item in record.items})
    json.loads(record.to_json())


def test_the_seed_gives_the_same_record(classifier, recordings):
    first, again = (
        evaluate(tasks.get("fsdd"), classifier, episodes=5, split="test", root=recordings, seed=2)
        for _ in range(2)
    )
    for one, other in zip(first.items, again.items, strict=True):
        # what the language model kept from before changes the order of sums, hence last digits
        assert one.pop("probabilities") == pytest.approx(other.pop("probabilities"), abs=1e-5)
        assert one == other


def test_every_clip_is_encoded_once(classifier, recordings, monkeypatch):
    waves = []
    encode = classifier._encode
    monkeypatch.setattr(
        classifier,
        "_encode",
        lambda clip, position: waves.append(hasattr(clip, "dtype")) or encode(clip, position),
    )
    evaluate(tasks.get("fsdd"), classifier, episodes=30, split="test", root=recordings)
    assert sum(waves) <= 12


def test_weights_are_byte_identical_after_an_evaluation(
    classifier, recordings, llama, weights_fingerprint
):
    before = weights_fingerprint(llama)
    evaluate(tasks.get("fsdd"), classifier, episodes=4, split="test", root=recordings)
    assert weights_fingerprint(llama) == before
    assert not any(parameter.requires_grad for parameter in llama.parameters())


def test_real_digits_can_be_evaluated(classifier, shared_audio):
    record = evaluate(tasks.get("fsdd"), classifier, episodes=20, root=shared_audio)
    assert record.score.n == 20
    assert record.references["mfcc_nearest_mean"].accuracy > 0.5
