"""A completions server that takes token ids (vLLM): same ids, same labels as in this process.

Labels are scored at generated positions: prompt log-probabilities would keep such a server from
reading its prefix cache. Sound is generated in as few requests as its grammar lets, as what is
allowed cannot change within one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import Any

from icl.constraint import FreeText, Grammar, LabelTrie, walk
from icl.llm import load_tokenizer
from icl.llm.base import LLM, add_up
from icl.llm.client import Client, GarbledAnswer, RequestRefused, ServerError
from icl.llm.sampling import Sampling

PREFIX = "token_id:"  # how tokens are named when asked for as ids
MOST = 20  # log-probabilities a token that vLLM tells, unless it is started with --max-logprobs


class ServerLLM(LLM):
    """A model behind ``/completions``, spoken to in token ids.

    Args:
        client: to the server.
        model: its name there.
        tokenizer: of the model, loaded.
        context_length: tokens of prompt and answer together.
        batch_size: most prompts in one request.

    Raises:
        ValueError: the context length is unknown.
    """

    def __init__(
        self, client: Client, model: str, tokenizer: Any, context_length: int, batch_size: int = 64
    ) -> None:
        self.client = client
        self.model = model
        self.tokenizer = tokenizer
        self.context_length = context_length
        self.vocab_size = len(tokenizer)
        self.batch_size = batch_size

    @property
    def fingerprint(self) -> str:
        """16 hex digits of the model's name: a server does not show its weights."""
        return hashlib.sha256(f"server model {self.model}".encode()).hexdigest()[:16]

    def score(
        self, prefix: Sequence[int], continuations: Sequence[Sequence[int]]
    ) -> list[float]:
        """See `LLM.score`."""
        return self.score_many([prefix], continuations)[0]

    def score_many(
        self, prefixes: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """See `LLM.score`: one request, and another one only for labels of several tokens.

        A request asks for `MOST` tokens at once; where there are more to look up, so are requests.
        """
        for prefix in prefixes:
            self.require_room(prefix, max(map(len, continuations), default=0))
        root, *deeper = LabelTrie(continuations).branches()
        found: dict[tuple[int, tuple[int, ...]], dict[int, float]] = {}
        for branches in filter(None, ([root], deeper)):  # the second finds the prefixes cached
            asked = [(n, path, next_) for n in range(len(prefixes)) for path, next_ in branches]
            for start in range(0, len(asked), self.batch_size):
                rows = asked[start : start + self.batch_size]
                prompts = [[*prefixes[number], *path] for number, path, _ in rows]
                wanted = sorted({token for _, _, next_ in rows for token in next_})
                for (number, path, _), row in zip(rows, self._look(prompts, wanted), strict=True):
                    found[number, path] = row
        return [
            add_up(continuations, lambda path, ids, n=n: [found[n, path][token] for token in ids])
            for n in range(len(prefixes))
        ]

    def generate(
        self, prefix: Sequence[int], grammar: Grammar, sampling: Sampling = Sampling()
    ) -> list[int]:
        """See `LLM.generate`; of several drafts, the one kept is most likely to the server."""
        drafts = [self._draft(prefix, grammar, sampling, n) for n in range(sampling.best_of)]
        return max(drafts, key=lambda draft: fmean(draft[1] or [0.0]))[0]

    def _draft(
        self, prefix: Sequence[int], grammar: Grammar, sampling: Sampling, number: int
    ) -> tuple[list[int], list[float]]:
        """Tokens of one draft, and the log-likelihood of each."""
        if isinstance(grammar, FreeText):
            self.require_room(prefix, grammar.limit)
            more = {"stop_token_ids": [grammar.end], "include_stop_str_in_output": True,
                    "min_tokens": 1}
            allowed = grammar.allowed(1).tolist()
            return self._complete(prefix, allowed, grammar.limit, sampling, number, **more)
        ids: list[int] = []
        told: list[float] = []
        for allowed, count in _stretches(grammar, ids):
            self.require_room(prefix, len(ids) + count)
            place = number + 1000 * len(ids)  # a seed of its own for every stretch
            new, likelihoods = self._complete(
                [*prefix, *ids], allowed, count, sampling, place, ignore_eos=True
            )
            if len(new) != count or not set(new) <= set(allowed):
                raise ServerError(
                    f"{self.client.url} did not keep to the {count} tokens it was allowed; "
                    "does this server know allowed_token_ids and ignore_eos?"
                )
            ids += new
            told += likelihoods
        return ids, told

    def _look(self, prompts: Sequence[list[int]], wanted: list[int]) -> list[dict[int, float]]:
        """Log-probabilities of the wanted tokens after each prompt."""
        rows: list[dict[int, float]] = [{} for _ in prompts]
        for start in range(0, len(wanted), MOST):
            part = wanted[start : start + MOST]
            choices = self._post(  # some vLLM refuse a count that is not that of the ids
                prompt=prompts, max_tokens=1, temperature=0.0, logprobs=len(part),
                logprob_token_ids=part,
            )  # fmt: skip
            for row, choice in zip(rows, choices, strict=True):
                told = first_token(choice, self._garbled)
                if missing := [token for token in part if PREFIX + str(token) not in told]:
                    raise self._garbled(
                        f"no log-probability of token {missing[0]}; this server may not know "
                        "logprob_token_ids"
                    )
                row.update((token, told[PREFIX + str(token)]) for token in part)
        return rows

    def _complete(
        self, prompt: Sequence[int], allowed: list[int], count: int, sampling: Sampling,
        number: int, **more: Any,
    ) -> tuple[list[int], list[float]]:
        """Some tokens, all among those allowed, and the log-likelihood of each."""
        (choice,) = self._post(
            prompt=[[*prompt]], max_tokens=count, allowed_token_ids=allowed,
            temperature=sampling.temperature, top_k=sampling.top_k, top_p=sampling.top_p,
            min_p=0.0, repetition_penalty=1.0, seed=sampling.seed_of(number) % 2**31,
            logprobs=0, return_token_ids=True, **more,
        )  # fmt: skip
        try:
            ids = choice.get("token_ids") or [
                int(name.removeprefix(PREFIX)) for name in choice["logprobs"]["tokens"]
            ]
            return [*map(int, ids)], [*map(float, choice["logprobs"]["token_logprobs"])]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise self._garbled(str(choice)[:80]) from error

    def _post(self, **body: Any) -> list[dict[str, Any]]:
        """Choices, one for each prompt, in order; all have log-probabilities."""
        body = {"model": self.model, "return_tokens_as_token_ids": True, **body}
        answer = self.client.post("/completions", body)
        try:
            choices = sorted(answer["choices"], key=lambda choice: choice.get("index", 0))
            told = all(choice["logprobs"]["tokens"] is not None for choice in choices)
        except (TypeError, KeyError, AttributeError) as error:
            raise self._garbled(str(answer)[:80]) from error
        if not told or len(choices) != len(body["prompt"]):
            raise self._garbled(f"{len(choices)} answers to {len(body['prompt'])} prompts")
        return choices

    def _garbled(self, what: str) -> GarbledAnswer:
        return GarbledAnswer(
            f"{self.client.url} answered what is no completion with log-probabilities: {what}"
        )


def _stretches(grammar: Grammar, ids: list[int]) -> Iterator[tuple[list[int], int]]:
    """Allowed tokens and how many of them come, stretch by stretch; ``ids`` grows between."""
    ahead = getattr(grammar, "ahead", lambda state: 1)
    while (allowed := grammar.allowed(state := walk(grammar, ids))) is not None:
        yield allowed.tolist(), ahead(state)


def first_token(choice: dict[str, Any], garbled: Callable[[str], ServerError]) -> dict[str, float]:
    """Log-probabilities told of the first token, by its name."""
    try:
        return {str(k): float(v) for k, v in choice["logprobs"]["top_logprobs"][0].items()}
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise garbled(str(choice)[:80]) from error


def connect(address: str, tokenizer: Any = None, **settings: Any) -> LLM:
    """A model on a server, spoken to in token ids if it takes them, else in text.

    Args:
        address: ``http://host:port/v1``, with ``#model`` behind it where there are several.
        tokenizer: of the model, loaded; None loads it by the model's name.
        settings: of `Client`.

    Raises:
        ServerError: no server answers there, or it has no such model.
    """
    url, _, wanted = address.partition("#")
    client = Client(url, **settings)
    try:
        listed = {model["id"]: model for model in client.get("/models")["data"]}
    except (TypeError, KeyError) as error:
        raise ServerError(f"{url}/models does not list models as a completions server") from error
    if not listed or wanted and wanted not in listed:
        raise ServerError(f"{url} has no model {wanted!r}; there are {sorted(listed)}")
    if not wanted and len(listed) > 1:
        raise ServerError(f"{url} has several models; add one: {url}#{min(listed)}")
    model = wanted or min(listed)
    if tokenizer is None:
        tokenizer = load_tokenizer(model, own=True)
    context = int(listed[model].get("max_model_len") or 4096)
    llm = ServerLLM(client, model, tokenizer, context)
    try:
        llm.score([tokenizer.bos_token_id or 0], [[0]])
    except (RequestRefused, GarbledAnswer):
        from icl.llm.text_server import TextServerLLM

        return TextServerLLM(client, model, tokenizer, context)
    return llm
