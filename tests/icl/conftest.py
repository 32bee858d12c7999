"""The ``icl`` command as tests call it, models that stay frozen, a completions server over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM, PreTrainedModel

from icl import cli


@pytest.fixture
def icl(capfd: pytest.CaptureFixture) -> Callable[[list[str]], tuple[int, str, str]]:
    """Runs the command and gives its exit code, stdout and stderr."""

    def run(argv: list[str]) -> tuple[int, str, str]:
        try:
            code = cli.main([*map(str, argv)])
        except SystemExit as stopped:
            code = stopped.code
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def classify(icl: Callable, pair: Path, tone_file: Callable) -> Callable:
    """Runs ``icl classify`` with two good examples unless told otherwise."""

    def run(*queries: Path, more: tuple = (), examples: list | None = None, llm=pair / "llm"):
        if examples is None:
            examples = [f"{tone_file(300)}=one", f"{tone_file(1500)}=two"]
        pairs = [part for example in examples for part in ("--example", example)]
        return icl(["classify", *queries, *pairs, "--codec", pair / "codec", "--llm", llm, *more])

    return run


def frozen(model: PreTrainedModel, fingerprint: Callable) -> Iterator[PreTrainedModel]:
    """Gives a model, and at the end sees that no test changed its weights or its settings."""
    noted = {"architectures": None, "dtype": None}  # in the settings, whenever a model is saved
    weights, settings = fingerprint(model), model.config.to_dict() | noted
    yield model
    assert fingerprint(model) == weights, "a test changed the weights of a model"
    assert model.config.to_dict() | noted == settings, "a test changed the settings of a model"


@pytest.fixture(scope="session")
def llama(llama: PreTrainedModel, weights_fingerprint: Callable) -> Iterator[PreTrainedModel]:
    yield from frozen(llama, weights_fingerprint)


@pytest.fixture(scope="session")
def gpt2(gpt2: PreTrainedModel, weights_fingerprint: Callable) -> Iterator[PreTrainedModel]:
    yield from frozen(gpt2, weights_fingerprint)


@pytest.fixture(scope="session")
def mistral(llama_sizes: dict, weights_fingerprint: Callable) -> Iterator[PreTrainedModel]:
    """A model whose sliding window cannot be cropped."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = MistralForCausalLM(MistralConfig(**llama_sizes, sliding_window=6)).eval()
    yield from frozen(model, weights_fingerprint)


@pytest.fixture(scope="session")
def full_run() -> Callable[[PreTrainedModel, Sequence[int], Sequence[int]], float]:
    """Score of one label by one forward pass over everything, with no cache."""

    @torch.no_grad()
    def run(model: PreTrainedModel, prefix: Sequence[int], label: Sequence[int]) -> float:
        ids = torch.tensor([[*prefix, *label]])
        log_probs = model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(-1)
        places = range(len(prefix) - 1, len(prefix) + len(label) - 1)
        return sum(log_probs[at, token].item() for at, token in zip(places, label, strict=True))

    return run


class CompletionsServer(ThreadingHTTPServer):
    """Speaks the protocol of vLLM's ``/v1/completions`` for a tiny model, token by token.

    Attributes:
        trouble: answers to give instead, one a request: (status, body).
        text_only, mute: refuses token ids; refuses to echo.
        deaf: takes no notice of being asked to echo, and generates a token.
        bare, whole: echoes without log-probabilities; tells what stands for the beginning, too.
        seen: bodies of all requests; keys: their authorisation headers.
    """

    daemon_threads = True

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.model, self.tokenizer = model, tokenizer
        self.trouble: list[tuple[int, bytes]] = []
        self.text_only = self.mute = self.deaf = self.bare = self.whole = False
        self.seen: list[dict] = []
        self.keys: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"

    def log_probs(self, ids: list[int]) -> torch.Tensor:
        """After each of ``ids``: (L, vocab_size)."""
        with torch.no_grad():
            return self.model(torch.tensor([ids]), use_cache=False).logits[0].log_softmax(-1)

    def complete(self, body: dict, prompt: str | list[int], index: int) -> dict:
        if isinstance(prompt, str):
            prompt = self.tokenizer(self.tokenizer.bos_token + prompt)["input_ids"]
        ids, generator = list(prompt), torch.Generator().manual_seed(body.get("seed", 0))
        name = self.name(body)
        if self.deaf and body.get("echo"):
            body = {**body, "echo": False, "max_tokens": 1}
        names, told, tops = [], [], []
        if body.get("echo"):
            rows = self.log_probs(ids)
            first = 0 if self.whole else 1
            names = [name(token) for token in ids[first:]]
            likelihoods = (rows[i, t].item() for i, t in enumerate(ids[first + 1 :], start=first))
            told = [None, *likelihoods]
        stopped = False
        for number in range(body["max_tokens"]):
            row = self.log_probs(ids)[-1]
            early = number < body.get("min_tokens", 0)
            token = self.draw(body, row, generator, body["stop_token_ids"] if early else [])
            ids.append(token)
            names.append(name(token))
            told.append(row[token].item())
            asked = body.get("logprob_token_ids") or row.topk(body["logprobs"]).indices.tolist()
            shown = [token, *(t for t in asked if t != token)][: body["logprobs"] + 1]
            tops.append({name(t): row[t].item() for t in shown})
            stopped = name(token) in body.get("stop", [])
            if stopped or token in body.get("stop_token_ids", []):
                break
        new = ids[len(prompt) :]
        offsets = [sum(map(len, names[:n])) for n in range(len(names))]
        logprobs = {"tokens": names, "token_logprobs": told, "top_logprobs": tops,
                    "text_offset": offsets}
        text = self.tokenizer.decode(new[:-1] if stopped else new)  # stop strings are not told
        hidden = self.bare and body.get("echo")
        choice = {"index": index, "text": text, "logprobs": None if hidden else logprobs}
        return choice | ({"token_ids": new} if body.get("return_token_ids") else {})

    def draw(
        self, body: dict, row: torch.Tensor, generator: torch.Generator, banned: list[int]
    ) -> int:
        allowed = body.get("allowed_token_ids") or range(len(row))
        allowed = torch.tensor([token for token in allowed if token not in banned])
        if body["temperature"] == 0:
            return int(allowed[row[allowed].argmax()])
        probs = (row[allowed] / body["temperature"]).softmax(-1)
        return int(allowed[torch.multinomial(probs, 1, generator=generator)])

    def name(self, body: dict) -> Callable[[int], str]:
        if body.get("return_tokens_as_token_ids"):
            return lambda token: f"token_id:{token}"
        return lambda token: self.tokenizer.decode([token])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # noqa: N802
        self.answer(200, {"data": [{"id": "tiny", "max_model_len": 512}]})

    def do_POST(self) -> None:  # noqa: N802
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.seen.append(body)
        server.keys.append(self.headers.get("Authorization"))
        if server.trouble:
            return self.answer(*server.trouble.pop(0))
        prompts = body["prompt"]
        if isinstance(prompts, str) or isinstance(prompts[0], int):
            prompts = [prompts]
        if server.text_only and not isinstance(prompts[0], str):
            return self.answer(400, {"error": {"message": "prompt must be a string"}})
        if server.mute and body.get("echo"):
            return self.answer(400, {"error": {"message": "echo is not supported"}})
        asked = body.get("logprob_token_ids")
        if body["logprobs"] > 20 or asked and body["logprobs"] != len(asked):  # as vLLM
            return self.answer(400, {"error": {"message": "logprobs is too high, or not that of"}})
        choices = [server.complete(body, prompt, i) for i, prompt in enumerate(prompts)]
        self.answer(200, {"choices": choices[::-1]})  # in any order: each has its index

    def answer(self, status: int, body: dict | bytes) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(llama: Any, tokenizer: Any) -> Iterator[CompletionsServer]:
    """A completions server on this machine, for the model `llama`."""
    running = CompletionsServer(llama, tokenizer)
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()
