"""Generated sound is graded: against clean speech, or by a judge; models and stand-ins alike."""

import csv

import numpy as np
import pytest
import soundfile

from icl.evaluation import Row, evaluate
from icl.tasks import TASKS, DataError, get
from icl.spoken import spoken
from icl.tasks.digit_speech import QUESTIONS
from icl.tasks.enhancement import mix
from icl.tasks.generation import GenerationTask
from llm_codec.audio import AudioError

COLUMNS = "path,source,split,label,label_kind,speaker,seconds,lang,group".split(",")


class Copier:
    """Stands in for a generator: gives back the target whose source is most like the query."""

    def __init__(self, codec, llm, task, repeats=1):
        self.task, self.repeats = task, repeats

    def get_params(self):
        return {"task": self.task, "template": None, "repeats": self.repeats}

    def fit(self, sources, targets):
        self.pairs = [*zip(sources, targets, strict=True)]
        return self

    def generate(self, query, seed=None):
        def unlike(source):
            same = isinstance(query, str)
            return source != query if same else np.square(source - query).sum()

        return min(self.pairs, key=lambda pair: unlike(pair[0]))[1]


@pytest.fixture(scope="module")
def root(tmp_path_factory, tone):
    """Speech-like clips, noises and sounds of three classes, with a manifest."""
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    rows = []

    def add(name, wave, source, label, kind="", speaker="", group="speech", split="dev"):
        path = root / f"{name}.wav"
        soundfile.write(path, wave, 16000)
        seconds = len(wave) / 16000
        rows.append([path.name, source, split, label, kind, speaker, seconds, "", group])

    time = np.arange(32000) / 16000
    for take in range(6):
        buzz = np.sin(2 * np.pi * (150 + 9 * take) * time) * (1 + np.sin(2 * np.pi * 3 * time))
        speech = 0.1 * buzz * (1 + np.sin(2 * np.pi * 1200 * time))
        add(f"v{take}_clean", speech, "voicebank-demand", "clean", "noisy_clean_pair")
        noisy = speech + 0.05 * rng.standard_normal(32000)
        add(f"v{take}_noisy", noisy, "voicebank-demand", "noisy", "noisy_clean_pair")
    for label, hertz in (("bell", 900), ("hum", 200), ("hiss", 3000), ("ping", 1700), ("moo", 90)):
        for take in range(4):
            wave = tone(hertz * (1 + take / 50), 1.3) + 0.01 * rng.standard_normal(20800)
            add(f"{label}{take}", wave, "booth-sounds", label, "sound_class", group="environment")
    for split, speakers in (("train", (0.98, 1.02)), ("dev", (1.01,))):
        for speaker in speakers:
            for digit in range(10):
                for take in range(4):
                    wave = tone(speaker * 200 * (digit + 1) + take, 0.3 + take / 50)
                    add(f"{digit}_{speaker}_{take}", wave, "fsdd", digit, "digit",
                        f"s{speaker}", split=split)  # fmt: skip
    with (root / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return root


@pytest.fixture
def copying(models, monkeypatch):
    monkeypatch.setattr("icl.generator.FewShotGenerator", Copier)
    return models


def test_enhancement_is_measured_beside_the_noisy_clip_and_the_ceiling(copying, root):
    (record,) = evaluate([Row("enhancement", 1, 4, limit=9)], copying, root)
    metrics = record.summary["metrics"]
    assert set(metrics["all"]) == {
        f"{m}{of}" for m in ("stoi", "pesq") for of in ("", "_noisy", "_ceiling", "_gain")
    }
    assert metrics["all"]["stoi"]["mean"] == pytest.approx(1, abs=1e-6)  # the copied clean clip
    assert metrics["SNR <= 0 dB"]["stoi"]["n"] == 5 and metrics["SNR > 0 dB"]["stoi"]["n"] == 4
    assert metrics["-20 dB"]["stoi_noisy"]["mean"] < metrics["20 dB"]["stoi_noisy"]["mean"]
    item = record.items[0]
    gain = item["metrics"]["stoi"] - item["metrics"]["stoi_noisy"]
    assert item["metrics"]["stoi_gain"] == pytest.approx(gain) and len(item["support"]) == 4


def test_a_clip_that_cannot_be_heard_leaves_its_question_out(copying, root, monkeypatch):
    whole, asked = Copier.generate, iter(range(4))

    def deaf(self, query, seed=None):
        if next(asked) == 1:
            raise AudioError("x.wav is silent")
        return whole(self, query, seed)

    monkeypatch.setattr(Copier, "generate", deaf)
    (record,) = evaluate([Row("enhancement", 1, 4, limit=4)], copying, root)
    assert [item.get("left_out") for item in record.items] == [None, "x.wav is silent", None, None]
    assert record.summary["left_out"] == {"n": 1, "reasons": {"x.wav is silent": 1}}
    assert record.summary["metrics"]["all"]["stoi"]["n"] == 3


def test_intervals_draw_together_what_shares_an_answer(copying, root):
    digits, clean = evaluate(
        [Row("digit-speech", 4, 3, limit=20, seeds=2), Row("enhancement", 1, 4, limit=18)],
        copying, root,
    )
    assert digits.summary["n"] == 40 and digits.summary["clips"] == 8  # a sound of each, twice
    utterances = {item["query"].split(" in ")[0] for item in clean.items}
    assert clean.summary["metrics"]["all"]["stoi"]["clips"] == len(utterances) < 18


def test_recorded_pairs_never_show_the_utterance_that_is_asked_about(copying, root):
    (record,) = evaluate([Row("enhancement-pairs", 1, 4, limit=12)], copying, root)
    assert all(item["query"] not in item["support"] for item in record.items)
    assert sorted(item["query"] for item in record.items) == sorted(
        2 * [f"v{take}_noisy.wav" for take in range(6)]
    )
    assert record.summary["metrics"]["all"]["stoi"]["mean"] < 0.99


def test_digit_speech_is_judged_by_a_classifier_that_tells_its_accuracy(copying, root):
    rows = [Row("digit-speech", 4, 3, limit=20), Row("digit-speech-words", 4, 3, limit=4)]
    record, named = evaluate(rows, copying, root)
    about = record.run["grader"]
    assert about["accuracy_on_real_clips_of_s1.01"]["n"] == 40
    assert about["accuracy_on_real_clips_of_s1.01"]["accuracy"] > 0.9
    assert about["accuracy_on_clips_of_s1.01_through_codec"]["n"] == 40
    assert record.summary["chance"] == 0.25 and record.summary["n"] == 20
    assert record.summary["by_group"]["named"] > 0.7 > record.summary["by_group"]["arithmetic"]
    assert [item["query"] for item in named.items] == ["zero", "one", "two", "three"]


def test_sounds_are_judged_by_clips_that_were_not_shown(copying, root):
    (record,) = evaluate([Row("text-to-sound", 3, 2, limit=7)], copying, root)
    assert record.summary["accuracy"] == 1.0 and record.summary["n"] == 7
    assert record.run["grader"]["accuracy_on_shown_clips"]["accuracy"] > 0.9
    assert all(item["gold"] in item["choices"] for item in record.items)


@pytest.mark.parametrize("name", [n for n in TASKS if isinstance(get(n), GenerationTask)])
def test_real_generators_are_asked_the_same_way_and_stay_as_they_are(
    name, models, root, llama, weights_fingerprint
):
    before, job = weights_fingerprint(llama), get(name).learner
    (record,) = evaluate([Row(name, 1 if job == "enhance" else 2, 1, limit=2)], models, root)
    assert all(item["samples"] > 0 for item in record.items)
    assert record.run["settings"]["task"] == job and record.summary["tokens_run"] > 0
    assert weights_fingerprint(llama) == before


def test_questions_ask_for_each_digit_five_times():
    golds = [answer for _, answer, _ in QUESTIONS]
    assert {digit: golds.count(digit) for digit in "0123"} == dict.fromkeys("0123", 5)
    sums = [(text, answer) for text, answer, kind in QUESTIONS if kind == "arithmetic"]
    assert all(eval(text) == int(answer) for text, answer in sums)


def test_questions_can_be_spelled():
    assert spoken("3 - 1") == "three minus one" and spoken("2*1") == "two times one"
    assert spoken("last digit of 10") == "last digit of one zero"


def test_noise_is_mixed_at_the_ratio_that_is_asked():
    rng = np.random.default_rng(0)
    clean, noise = (0.05 * rng.standard_normal((2, 19200))).astype(np.float32)
    for snr in (-10, 0, 10):
        added = mix(clean, noise, snr) - clean
        ratio = 10 * np.log10(np.square(clean).mean() / np.square(added).mean())
        assert ratio == pytest.approx(snr, abs=0.1)
    assert np.abs(mix(clean, noise, -60)).max() <= 0.9001
    short = mix(clean, noise[: len(clean) // 3], 0) - clean  # repeated, not filled up with silence
    assert np.abs(short[-len(clean) // 4 :]).max() > 0.1 * np.abs(short).max()


@pytest.mark.parametrize(
    ("name", "ways", "shots", "message"),
    [
        ("enhancement", 2, 4, "has no labels"),
        ("enhancement", 1, 9, "5 kinds of noise"),
        ("enhancement-pairs", 1, 6, "6 pairs cannot give 6"),
        ("digit-speech", 5, 1, "2 to 4"),
        ("digit-speech", 4, 9, "has 4 clips of 'zero'"),
        ("text-to-sound", 6, 1, "2 to 5 ways"),
    ],
)
def test_questions_that_cannot_be_drawn_say_what_is_short(root, name, ways, shots, message):
    with pytest.raises(DataError, match=message):
        get(name).draw(root, "dev", ways, shots, 3, 0)
