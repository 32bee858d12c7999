"""The playground's handlers, and one visit to the running page as a client."""

import socket
import types
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from icl import FewShotClassifier, FewShotGenerator
from icl.llm.transformers import TransformersLLM
from llm_codec import audio

gr = pytest.importorskip("gradio", reason="needs the playground extra")
from demos import playground, visitors  # noqa: E402  (they need gradio)

EXAMPLES = playground.EXAMPLES
BELL, CLAP = (str(EXAMPLES / f"sounds/{name}/1.flac") for name in ("bell", "clap"))
SHOWN = [(BELL, "bell"), (CLAP, "clap")]
QUERY = str(EXAMPLES / "sounds/bell/2.flac")


@pytest.fixture(autouse=True)
def no_analytics(monkeypatch):
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")


@pytest.fixture(scope="module")
def classifier(codec, llama, tokenizer) -> FewShotClassifier:
    return FewShotClassifier(codec=codec, llm=TransformersLLM(llama, tokenizer))


def test_add_appends_and_leaves_the_list_it_was_given():
    before = [(BELL, "bell")]
    assert playground.add(before, CLAP, "  clap ") == SHOWN
    assert before == [(BELL, "bell")]


@pytest.mark.parametrize(("clip", "label", "says"), [
    (None, "bell", "no clip yet"), (BELL, "", "no label yet"), (BELL, "  ", "no label yet"),
])
def test_add_says_what_is_missing(clip, label, says):
    with pytest.raises(ValueError, match=says):
        playground.add([], clip, label)


def test_a_clip_is_taken_once(tmp_path):
    copy = tmp_path / "copy.flac"
    copy.write_bytes(Path(BELL).read_bytes())
    for clip in (BELL, str(copy)):
        with pytest.raises(ValueError, match="^this clip is among the examples already"):
            playground.add(SHOWN, clip, "another label")


def test_a_clip_longer_than_the_model_can_read_is_refused_at_once(tmp_path):
    path = str(tmp_path / "long.wav")
    audio.save(path, np.zeros(1000 * (visitors.LONGEST + 1)), sample_rate=1000)
    says = "^long.wav lasts 241 s; a clip may last 240 s"
    with pytest.raises(ValueError, match=says):
        playground.add([], path, "long")
    with pytest.raises(ValueError, match=says):
        playground.ask(None, SHOWN, path)


def test_remove_takes_one_away():
    assert playground.remove([*SHOWN, (QUERY, "bell")], 1) == [(BELL, "bell"), (QUERY, "bell")]
    assert playground.remove([(BELL, "bell")], 0) == []


@pytest.mark.parametrize("name", playground.READY)
def test_ready_examples_exist_and_can_be_asked(name):
    shown, query = playground.ready(name)
    assert all(Path(path).is_file() for path in [query, *(path for path, _ in shown)])
    assert len({label for _, label in shown}) >= 2
    assert query not in {path for path, _ in shown}


def test_ask_answers_with_probabilities_and_the_prompt(classifier):
    scores, words = playground.ask(classifier, SHOWN, QUERY)
    assert set(scores) == {"bell", "clap"}
    assert sum(scores.values()) == pytest.approx(1)
    assert {kind for _, kind in words} == {"scale 1", "label", None}
    assert "".join(text for text, _ in words) == classifier.show_prompt(QUERY).text


def test_every_kind_of_word_has_a_colour(classifier):
    classifier = FewShotClassifier(codec=classifier.codec, llm=classifier.llm, scales=3)
    _, words = playground.ask(classifier, [(BELL, "bell"), (CLAP, "clap")], QUERY)
    assert {kind for _, kind in words if kind} == set(playground.COLOURS)


@pytest.mark.parametrize(("shown", "query", "says"), [
    ([], QUERY, "two different labels"),
    ([(BELL, "bell"), (CLAP, "bell")], QUERY, "two different labels"),
    (SHOWN, None, "no clip to ask about"),
    (SHOWN, str(EXAMPLES / "LICENSE"), "LICENSE"),
    (SHOWN, "missing.wav", "missing.wav"),
])
def test_what_a_user_did_wrong_is_one_line_on_the_page(classifier, shown, query, says):
    handler = playground.on_page(playground.ask)
    with pytest.raises(gr.Error) as caught:
        handler(classifier, shown, query)
    assert says in caught.value.message
    assert "\n" not in caught.value.message


def test_bugs_are_not_hidden_from_the_log():
    with pytest.raises(ZeroDivisionError):
        playground.on_page(lambda: 1 / 0)()


def test_an_extra_that_is_missing_is_named_on_the_page():
    def handler():
        raise ImportError("a server needs httpx: pip install 'llm-codec[server]'")

    with pytest.raises(gr.Error, match=r"llm-codec\[server\]"):
        playground.on_page(handler)()


@pytest.mark.parametrize("models", [
    ["--codec", "nope"], ["--llm", "nope"], ["--codec", "demos", "--llm", "http://127.0.0.1:1"],
])
def test_a_model_that_is_not_there_is_one_line_before_the_page_starts(models, monkeypatch, capsys):
    monkeypatch.setattr(playground, "build_demo", lambda *factories: pytest.fail("page was built"))
    with pytest.raises(SystemExit) as stopped:
        playground.main(models)
    err = capsys.readouterr().err
    assert stopped.value.code == 1 and err.count("\n") == 1
    assert models[1] in err


def test_large_files_are_refused_while_they_are_uploaded(pair, monkeypatch):
    launched = {}
    page = types.SimpleNamespace(launch=launched.update)
    monkeypatch.setattr(playground, "build_demo", lambda *factories: page)
    playground.main(["--codec", str(pair), "--llm", str(pair)])
    assert launched["max_file_size"] == visitors.LARGEST


@pytest.mark.parametrize(("job", "resolve", "drafts"), [("enhance", False, 1), ("speak", True, 4)])
def test_sound_is_made_as_the_command_s_examples_make_it(pair, monkeypatch, job, resolve, drafts):
    made = []
    page = types.SimpleNamespace(launch=lambda **settings: None)
    monkeypatch.setattr(playground, "build_demo", lambda *factories: made.append(factories) or page)
    playground.main(["--codec", str(pair), "--llm", str(pair)])
    generator = made[0][1](job)
    assert (generator.task, generator.resolve, generator.best_of) == (job, resolve, drafts)


def test_a_port_in_use_is_one_line(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as stopped:
            playground.main(["--port", str(port)])
    err = capsys.readouterr().err
    assert stopped.value.code == 1 and err.count("\n") == 1
    assert f"port {port} is in use" in err and "--port" in err


@pytest.fixture
def client(classifier) -> Iterator:
    from gradio_client import Client

    asked = []

    def generator(job):
        asked.append(job)
        return FewShotGenerator(job, codec=classifier.codec, llm=classifier.llm, scales=1)

    demo = playground.build_demo(lambda: asked.append(1) or classifier, generator)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True)
    assert not asked, "the model is loaded only when the first question is asked"
    yield Client(url, verbose=False)
    demo.close()


def test_a_visit(client):
    from gradio_client import handle_file

    for path, label in SHOWN:
        client.predict(handle_file(path), label, api_name="/add")
    answer, words = client.predict(handle_file(QUERY), api_name="/ask")
    chances = {row["label"]: row["confidence"] for row in answer["confidences"]}
    assert answer["label"] == max(chances, key=chances.get)
    assert set(chances) == {"bell", "clap"}
    assert {word["class_or_confidence"] for word in words} == {"scale 1", "label", None}


def test_a_call_past_the_queue_is_refused(client):
    body, headers = b'{"data": [null, null]}', {"Content-Type": "application/json"}
    for name in ("ask", "enhance", "speak"):
        direct = urllib.request.Request(f"{client.src}gradio_api/run/{name}", body, headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(direct)
        assert refused.value.code == 404 and "join the queue" in refused.value.read().decode()


def test_a_visit_in_which_a_sound_is_made(client):
    from gradio_client import handle_file

    for text, path in (("bell", BELL), ("clap", CLAP)):
        client.predict(text, handle_file(path), api_name="/speak_example")
    path, words = client.predict("bell", 1, api_name="/speak")
    assert len(soundfile.read(path)[0]) > 480
    assert {word["class_or_confidence"] for word in words} == {"scale 1", "label", None}


def test_a_visit_that_asks_too_early_is_told_so(client):
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match="two different labels"):
        client.predict(handle_file(QUERY), api_name="/ask")
