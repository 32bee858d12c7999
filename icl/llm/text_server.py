"""A completions server that takes text alone: the codec's portable words are written out.

Token ids are those of a tokenizer at hand, which need not be the server's own: every word is
one that most tokenizers have. Labels are scored by having the prompt echoed with its
log-probabilities; where a server will not do that, by the best next tokens that it tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch

from icl.constraint import FreeText, Grammar, LabelTrie
from icl.llm.client import GarbledAnswer, RequestRefused, ServerError
from icl.llm.sampling import Sampling
from icl.llm.server import ServerLLM, first_token

TOLD = 5  # best tokens that servers tell, at the least


class TextServerLLM(ServerLLM):
    """A model behind ``/completions``, spoken to in text; arguments of `ServerLLM`."""

    _echoes = True

    def score_many(
        self, prefixes: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """See `LLM.score`: every prompt with every label behind it."""
        if self._echoes:
            for prefix in prefixes:
                self.require_room(prefix, max(map(len, continuations), default=0))
            try:
                return self._score_echoed(prefixes, continuations)
            except (RequestRefused, GarbledAnswer):  # some take no notice of being asked to echo
                self._echoes = False
        return super().score_many(prefixes, continuations)

    def generate(
        self, prefix: Sequence[int], grammar: Grammar, sampling: Sampling = Sampling()
    ) -> list[int]:
        """See `LLM.generate`: one of some labels, or free text.

        Raises:
            ServerError: anything else, for such a server cannot be held to a grammar.
        """
        if isinstance(grammar, LabelTrie):
            return self._choose(prefix, [*grammar.sequences()], sampling)
        if not isinstance(grammar, FreeText):
            raise ServerError(
                f"{self.client.url} takes text alone and cannot be held to the codec's words; "
                "making sound needs a server that takes token ids, such as vLLM"
            )
        if sampling.top_k:
            raise ServerError(f"{self.client.url} takes text alone, and no top_k; leave it at 0")
        return super().generate(prefix, grammar, sampling)

    def _choose(
        self, prefix: Sequence[int], labels: list[tuple[int, ...]], sampling: Sampling
    ) -> list[int]:
        scores = torch.tensor(self.score(prefix, labels)).log_softmax(-1)
        generators = (
            torch.Generator().manual_seed(sampling.seed_of(n)) for n in range(sampling.best_of)
        )
        drawn = [sampling.draw(scores, generator) for generator in generators]
        return [*labels[max(drawn, key=lambda number: float(scores[number]) / len(labels[number]))]]

    def _score_echoed(
        self, prefixes: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        rows = [(self._text(p), self._text([*p, *c])) for p in prefixes for c in continuations]
        scores: list[float] = []
        for start in range(0, len(rows), self.batch_size):
            part = rows[start : start + self.batch_size]
            choices = self._post(
                prompt=[whole for _, whole in part], max_tokens=0, echo=True, logprobs=0,
                temperature=0.0,
            )  # fmt: skip
            scores += [
                self._behind(choice, len(prompt), whole)
                for choice, (prompt, whole) in zip(choices, part, strict=True)
            ]
        width = len(continuations)
        return [scores[start : start + width] for start in range(0, len(scores), width)]

    def _behind(self, choice: dict[str, Any], start: int, whole: str) -> float:
        """Log-likelihood of the tokens that end behind a place of the whole text.

        Raises:
            GarbledAnswer: the tokens told do not spell the text, so that it was not echoed.
        """
        try:
            told = choice["logprobs"]
            spelled = "".join(told["tokens"])
            if not spelled.endswith(whole.lstrip()):  # tokenizers may drop a space ahead
                raise self._garbled(f"the prompt was to be echoed, not {spelled[:40]!r}")
            start += len(spelled) - len(whole)  # some tell what stands for the beginning, too
            ends = accumulate(map(len, told["tokens"]))
            pairs = zip(told["token_logprobs"], ends, strict=True)
            return float(sum(log_prob for log_prob, end in pairs if end > start))
        except (LookupError, TypeError, ValueError) as error:
            raise self._garbled(str(choice)[:80]) from error

    def _look(self, prompts: Sequence[list[int]], wanted: list[int]) -> list[dict[int, float]]:
        """The same by the best tokens told; one that is not told is as likely as the last."""
        choices = self._post(
            prompt=[self._text(prompt) for prompt in prompts], max_tokens=1, temperature=0.0,
            logprobs=TOLD,
        )  # fmt: skip
        rows = []
        for choice in choices:
            told = first_token(choice, self._garbled)
            named = {token: self.tokenizer.decode([token]) for token in wanted}
            if not set(named.values()) & set(told):
                raise ServerError(
                    f"{self.client.url} tells its {len(told)} best next tokens, and no label is "
                    "among them; a server that echoes log-probabilities or takes ids can do more"
                )
            least = min(told.values())
            rows.append({token: told.get(name, least) for token, name in named.items()})
        return rows

    def _complete(
        self, prompt: Sequence[int], allowed: list[int], count: int, sampling: Sampling,
        number: int, **more: Any,
    ) -> tuple[list[int], list[float]]:
        """Free text, up to the end of its line."""
        (choice,) = self._post(
            prompt=[self._text(prompt)], max_tokens=count, temperature=sampling.temperature,
            top_p=sampling.top_p, seed=sampling.seed_of(number) % 2**31, logprobs=0,
            stop=[self.tokenizer.decode(more["stop_token_ids"])],
        )  # fmt: skip
        try:
            ids = self.tokenizer(choice["text"], add_special_tokens=False)["input_ids"]
            told = [*map(float, choice["logprobs"]["token_logprobs"])]
        except (LookupError, TypeError, ValueError) as error:
            raise self._garbled(str(choice)[:80]) from error
        if not ids:  # some tell the tokens of the end all the same
            raise ServerError(f"{self.client.url} ended its line before it wrote anything; ask "
                              "with another seed, or a server that takes token ids")
        return [*ids], told

    def _text(self, ids: Sequence[int]) -> str:
        """Without what stands for the beginning: servers add that themselves."""
        return self.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )

    def _post(self, **body: Any) -> list[dict[str, Any]]:
        return super()._post(**body, return_tokens_as_token_ids=False)
