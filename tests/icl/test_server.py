"""Models behind HTTP: same ids, same labels as in process; troubles are said in one line."""

import json
import socket

import numpy as np
import pytest

from icl import FewShotClassifier, FewShotGenerator
from icl.constraint import FreeText, LabelTrie
from icl.llm.client import ServerError
from icl.llm.sampling import Sampling
from icl.llm.server import ServerLLM, connect
from icl.llm.text_server import TextServerLLM
from icl.llm.transformers import TransformersLLM
from icl.scale_grammar import ScaleGrammar

HEAD = [0, 5, 9, 30, 31, 32, 40, 41]
QUERIES = [[*HEAD, *range(50, 50 + length)] for length in (3, 1, 6)]
LABELS = [[100], [101, 102], [101, 103, 104], [105, 102]]


@pytest.fixture
def remote(server, tokenizer) -> ServerLLM:
    llm = connect(server.url, tokenizer, backoff=0.01, retries=2, timeout=5)
    server.seen.clear()
    return llm


@pytest.fixture
def clips(tone):
    return [tone(hertz, 0.3 + hertz / 9000) for hertz in (200, 400, 1600, 3200, 700, 1200)]


def test_scores_are_those_of_the_model_in_process(remote, llama):
    expected = TransformersLLM(llama).score_many(QUERIES, LABELS)
    found = remote.score_many(QUERIES, LABELS)
    assert found == [pytest.approx(row, abs=1e-3) for row in expected]


def test_a_second_request_is_sent_only_for_labels_of_several_tokens(remote, server):
    remote.score_many(QUERIES, [[100], [101]])
    assert len(server.seen) == 1
    (body,) = server.seen
    assert body["prompt"] == QUERIES and body["logprob_token_ids"] == [100, 101]
    assert body["max_tokens"] == 1 and "echo" not in body and "prompt_logprobs" not in body
    server.seen.clear()
    remote.score(QUERIES[0], LABELS)
    assert [len(body["prompt"]) for body in server.seen] == [1, 3]


def test_more_labels_than_a_server_tells_at_once_are_asked_for_in_parts(remote, server, llama):
    labels = [[token] for token in range(100, 145)]
    expected = TransformersLLM(llama).score_many(QUERIES, labels)
    assert remote.score_many(QUERIES, labels) == [pytest.approx(row, abs=1e-3) for row in expected]
    assert [body["logprobs"] for body in server.seen] == [20, 20, 5]


@pytest.mark.parametrize("text_only", [False, True])
def test_labels_are_those_of_the_model_in_process(
    text_only, server, codec, llama, tokenizer, clips
):
    server.text_only = text_only
    labels = ["one", "two", "three hundred"]
    local = FewShotClassifier(codec, TransformersLLM(llama, tokenizer))
    remote = FewShotClassifier(codec, f"{server.url}#tiny", tokenizer=tokenizer)
    expected = local.fit(clips[:3], labels).predict_proba(clips[3:])
    found = remote.fit(clips[:3], labels).predict_proba(clips[3:])
    assert isinstance(remote.llm_, TextServerLLM) == text_only
    assert found == pytest.approx(expected, abs=1e-3)
    assert remote.predict(clips[3:]).tolist() == local.predict(clips[3:]).tolist()


def test_greedy_sound_is_that_of_the_model_in_process(remote, llama, tokenizer, vocabulary):
    grammar = ScaleGrammar(vocabulary.bind(tokenizer), [2, 4, 8])
    greedy = Sampling(temperature=0)
    expected = TransformersLLM(llama).generate(HEAD, grammar, greedy)
    assert remote.generate(HEAD, grammar, greedy) == expected


def test_words_of_one_book_are_asked_for_together(remote, server, vocabulary, tokenizer):
    bound = vocabulary.bind(tokenizer)
    ids = remote.generate(HEAD, ScaleGrammar(bound, [2, 4, 8]), Sampling(seed=1))
    assert bound.to_ids(bound.to_codes(ids)) == ids
    assert [body["max_tokens"] for body in server.seen] == [2, 12]  # two scales share their words
    assert all(body["ignore_eos"] and body["top_p"] == 1.0 for body in server.seen)
    allowed = [set(body["allowed_token_ids"]) for body in server.seen]
    assert allowed == [{i for (i,) in book} for book in bound.token_ids[:2]]
    assert len({body["seed"] for body in server.seen}) == 2


def test_drafts_of_other_lengths_are_compared_by_their_mean(remote, monkeypatch, tokenizer):
    told = iter([([4, 5], [-1.0, -1.0]), ([4, 5, 6, 7], [-0.6] * 4), ([4], [-0.9])])
    monkeypatch.setattr(remote, "_draft", lambda *_: next(told))
    assert remote.generate(HEAD, LabelTrie([[4]]), Sampling(best_of=3)) == [4, 5, 6, 7]


def test_the_seed_decides_and_the_best_draft_is_kept(remote, vocabulary, tokenizer, server):
    grammar = ScaleGrammar(vocabulary.bind(tokenizer), [2, 4, 8])

    def drawn(seed, best_of=1):
        return remote.generate(HEAD, grammar, Sampling(seed=seed, best_of=best_of))

    def likelihood(ids):
        rows = server.log_probs([*HEAD, *ids])[len(HEAD) - 1 :]
        return sum(rows[place, token].item() for place, token in enumerate(ids))

    assert drawn(1) == drawn(1) != drawn(2)
    assert likelihood(drawn(1, 6)) >= likelihood(drawn(1))


def test_labels_of_several_tokens_are_generated_token_by_token(remote):
    drawn = [remote.generate(HEAD, LabelTrie(LABELS), Sampling(seed=seed)) for seed in range(9)]
    assert all(ids in LABELS for ids in drawn) and len(set(map(tuple, drawn))) > 1


def test_free_text_stops_at_its_end(remote, server, tokenizer):
    first = int(server.log_probs(HEAD)[-1].argmax())
    end = int(server.log_probs([*HEAD, first])[-1].argmax())
    text = FreeText(len(tokenizer), end=end, limit=4)
    assert end != first and remote.generate(HEAD, text, Sampling(temperature=0)) == [first, end]


def test_free_text_is_never_its_end_alone(remote, server, tokenizer, llama):
    end, second = server.log_probs(HEAD)[-1].topk(2).indices.tolist()
    text, greedy = FreeText(len(tokenizer), end=end, limit=4), Sampling(temperature=0)
    ids = remote.generate(HEAD, text, greedy)
    assert ids[0] == second and ids == TransformersLLM(llama).generate(HEAD, text, greedy)


def test_a_generator_speaks_through_a_server(server, codec, tokenizer, tone):
    generator = FewShotGenerator("speak", codec, server.url, tokenizer=tokenizer)
    wave = generator.fit(["one"], [tone(300, 0.2)]).generate("two", seed=1)
    assert wave.shape == (3200,) and np.isfinite(wave).all()


def test_a_server_that_is_busy_is_asked_again(remote, server):
    server.trouble = [(503, b"busy"), (429, b"{}")]
    assert remote.score(HEAD, [[100]])[0] < 0
    assert len(server.seen) == 3
    server.trouble = [(500, b'{"error": {"message": "out of\\nmemory"}}')] * 3
    with pytest.raises(ServerError, match="HTTP 500 out of memory after 3 tries"):
        remote.score(HEAD, [[100]])


GARBAGE = [
    b"", b"<html>hello</html>", b"[]", b"3", b'{"choices": 3}', b'{"choices": []}',
    b'{"choices": [{"text": "x"}]}', b'{"choices": [{"logprobs": null}]}',
    b'{"choices": [{"logprobs": {"tokens": ["token_id:1"]}}]}',
    b'{"choices": [{"logprobs": {"tokens": ["x"], "top_logprobs": []}}]}',
    b'{"choices": [{"logprobs": {"tokens": ["x"], "top_logprobs": [{"token_id:9": -1.0}]}}]}',
]


@pytest.mark.parametrize("body", GARBAGE)
def test_garbage_is_said_in_one_line(remote, server, body, vocabulary, tokenizer):
    grammar = ScaleGrammar(vocabulary.bind(tokenizer), [2])
    for ask in (lambda: remote.score(HEAD, [[100]]), lambda: remote.generate(HEAD, grammar)):
        server.trouble = [(200, body)]
        with pytest.raises(ServerError) as caught:
            ask()
        assert server.url in str(caught.value) and "\n" not in str(caught.value)
    assert remote.score(HEAD, [[100]])[0] < 0  # nothing is lost


def test_a_server_that_does_not_keep_to_the_grammar_is_caught(
    remote, server, vocabulary, tokenizer
):
    logprobs = {"tokens": ["token_id:1"], "token_logprobs": [-1.0]}
    answer = {"choices": [{"logprobs": logprobs, "token_ids": [1]}]}
    server.trouble = [(200, json.dumps(answer).encode())]
    with pytest.raises(ServerError, match="did not keep to the 2 tokens"):
        remote.generate(HEAD, ScaleGrammar(vocabulary.bind(tokenizer), [2]))


def test_a_server_that_is_down_is_said_in_one_line(tokenizer):
    with socket.socket() as taken:  # and listens to nobody
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(ServerError, match="no answer .* is the server running") as caught:
            connect(url, tokenizer, retries=1, backoff=0.01)
    assert url in str(caught.value)


def test_the_key_comes_from_the_environment(remote, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "second")
    remote.score(HEAD, [[100]])
    monkeypatch.setenv("LLM_CODEC_API_KEY", "first")
    remote.score(HEAD, [[100]])
    assert server.keys[-2:] == ["Bearer second", "Bearer first"]
    server.trouble = [(401, b"{}")]
    with pytest.raises(ServerError, match="environment variable LLM_CODEC_API_KEY"):
        remote.score(HEAD, [[100]])


def test_models_are_named_where_there_are_several(server, tokenizer):
    with pytest.raises(ServerError, match=r"no model 'other'; there are \['tiny'\]"):
        connect(f"{server.url}#other", tokenizer)
    llm = connect(f"{server.url}#tiny", tokenizer)
    assert (llm.model, llm.context_length) == ("tiny", 512)
    assert llm.fingerprint == connect(server.url, tokenizer).fingerprint
    assert len(llm.fingerprint) == 16


def test_prompts_that_do_not_fit_are_refused_before_a_request(remote, server):
    with pytest.raises(ValueError, match="context of 512"):
        remote.score([0] * 512, LABELS)
    assert not server.seen


def test_a_server_that_is_down_is_one_line_of_the_command(icl, pair, tone_file, monkeypatch):
    monkeypatch.setattr("icl.llm.client.time.sleep", lambda seconds: None)
    code, out, err = icl([
        "classify", tone_file(320), "--example", f"{tone_file(300)}=one",
        "--example", f"{tone_file(900)}=two", "--codec", pair / "codec",
        "--llm", "http://127.0.0.1:9/v1", "--tokenizer", pair / "llm",
    ])  # fmt: skip
    assert (code, out) == (1, "") and err.startswith("icl: error: http://127.0.0.1:9/v1")
    assert err.count("\n") == 1


def test_an_address_that_is_none_is_one_line():
    with pytest.raises(ServerError, match="is no address"):
        connect("http://host:port/v1")
