"""Few-shot generation: sound or text from example pairs, by an unchanged language model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from icl import jobs
from icl.answers import Answers, SoundAnswers, TextAnswers
from icl.demonstrations import Choice
from icl.jobs import Job
from icl.jobs.base import WORDS
from icl.llm import LLM, Sampling
from icl.pair import FrozenPair, is_samples, is_single, require_distinct, several, texts
from icl.prompt import Prompt
from icl.resolve import beginning, resolve
from icl.shown import Shown
from icl.template import PromptError, SettingError, Template
from icl.writer import Content
from llm_codec.codec import LLMCodec
from llm_codec.codes import Codes


@dataclass(eq=False, repr=False)
class FewShotGenerator(FrozenPair):
    """Makes sound or text after a few example pairs, shown to a frozen language model as words.

    What is drawn keeps to a grammar: sound has exactly the words that its length needs, so that it
    always decodes; text is one of those allowed, or ends where the examples' texts do. Sound made
    of text has the length of one of the examples: the language model says of which.

    Args:
        task: name in `icl.jobs.JOBS`, or a `Job`.
        codec, llm, tokenizer, sample_rate: as for `FewShotClassifier`.
        template, scales: None takes the job's.
        repeats, induction, choose, per_label, order: as for `FewShotClassifier`.
        seed: of all draws and shuffles.
        resolve: a text that is asked for and is no example's is first brought to one that is; see
            `icl.resolve.resolve`.
        seconds: length of sound that is made; None follows the job.
        words: that sound may be made of: ``"all"``, or ``"shown"``, those of the examples' targets,
            each on the scale it was heard on; None takes the job's.
        texts: what text may be; None leaves it free.
        max_tokens: most tokens of free text.
        temperature, top_k, top_p, best_of: see `icl.llm.Sampling`.

    Attributes:
        codec_, llm_: what is in use, after `fit`.
    """

    task: str | Job = "enhance"
    codec: str | Path | LLMCodec = "pocket"
    llm: str | Path | LLM = "pocket"
    template: str | Template | None = None
    scales: int | None = None
    repeats: int = 1
    induction: bool = True
    choose: str = "all"
    per_label: int | None = None
    order: str = "shuffled"
    seed: int = 0
    resolve: bool = False
    seconds: float | None = None
    words: str | None = None
    texts: Sequence[str] | None = None
    max_tokens: int = 64
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    best_of: int = 1
    tokenizer: Any = None
    sample_rate: int | None = None

    def fit(self, sources: Iterable[Any], targets: Iterable[Any] | None = None) -> FewShotGenerator:
        """Write the examples as a prompt. One that fails leaves the generator without examples.

        Args:
            sources: texts, or clips as for `FewShotClassifier`.
            targets: one for each source. None, where the job can make pairs of single clips.

        Raises:
            PromptError: there is no example, or none for each, one comes twice, they do not fit,
                or a setting cannot work (`SettingError`).
            AudioError: a clip cannot be read, is silent, or is shorter than one frame.
            VocabularyError: the language model's tokenizer cannot spell the codec's words.
        """
        vars(self).pop("_shown", None)
        self._job = jobs.get(self.task)
        self._check_settings()
        self._load_codec()
        # Of examples to choose from, one may be too long and never be shown.
        times = self.repeats * (self.choose == "all")
        scales = self.scales or self._job.scales or self.codec_.config.num_scales
        self._load_writer(self.template or self._job.template, scales, self.induction)
        examples = self._pairs(sources, targets, times)
        require_distinct(examples)
        self._answers = self._make_answers(examples, scales)
        choice = Choice(self.choose, self.per_label, self.order, self.seed)
        shown = Shown(
            examples, self._writer, choice, self.codec_, self.llm_.context_length,
            repeats=self.repeats,
        )  # fmt: skip
        heads = [head.ids for head in shown.heads.values()]
        if self.resolve:
            heads.append(beginning(self._writer.tokenizer))
        self.llm_.hold(*filter(None, heads))
        self._shown = shown  # last, for by it others know that all is there
        return self

    def generate(self, query: Any, seed: int | None = None) -> Any:
        """What the language model makes of one source, or of each in a list.

        Args:
            query: a text, a path, an array (S,) or (C, S), `Codes`, or a list of these.
            seed: of the draw; None takes the generator's. Each of a list is drawn as it is alone.

        Returns:
            Sound as float32 (S,) at the codec's rate, or text; for a list, a list of these.
        """
        if not (is_single(query) or is_samples(query) or isinstance(query, Codes)):
            return [self.generate(one, seed) for one in query]
        made = self._make(self._asked(query), seed)
        if isinstance(made, str):
            return made
        wave = self.codec_.decode(made, seed=self.seed if seed is None else seed)
        return wave[0, 0].numpy()

    def generate_codes(self, query: Any, seed: int | None = None) -> Codes:
        """The codes of the sound that `generate` makes of one source."""
        if self._fitted().target != "audio":
            raise PromptError(f"{self._job.name!r} makes text, which has no codes; call generate")
        return self._make(self._asked(query), seed)

    def score(self, sources: Iterable[Any], targets: Iterable[Any]) -> float:
        """Mean log-likelihood of true targets, in nats per token: higher is better, 0 the most."""
        self._fitted()
        means = []
        for source, target in self._pairs(sources, targets):
            ids = [token for part in self._writer.write(target) for token in part.ids]
            prompt = self._shown.prompt(source, len(ids))
            means.append(self.llm_.score(prompt.ids, [ids])[0] / len(ids))
        return float(np.mean(means))

    def show_prompt(self, query: Any) -> Prompt:
        """The prompt the language model reads to answer for one source."""
        source = self._asked(query)
        return self._shown.prompt(source, self._answers.longest(source))

    def _asked(self, query: Any) -> Content:
        (source,) = self._contents([query], self._fitted().source)
        if not (self.resolve and isinstance(source, str)):
            return source
        known = [known for known, _ in self._shown.examples]
        return resolve(self.llm_, self._writer.tokenizer, source, known)

    def _make(self, source: Content, seed: int | None) -> Codes | str:
        prompt = self._shown.prompt(source, self._answers.longest(source))
        drawn = self._sampling(self.seed if seed is None else seed)
        ids = self.llm_.generate(prompt.ids, self._answers.grammar(source), drawn)
        return self._answers.read(ids, source)

    def _sampling(self, seed: int) -> Sampling:
        return Sampling(self.temperature, self.top_k, self.top_p, seed, self.best_of)

    def _make_answers(self, examples: Sequence[tuple[Content, Content]], scales: int) -> Answers:
        if self._job.target == "audio":
            words = self._writer.vocabulary
            end = self._writer.end_id
            choice = self.words or self._job.words
            return SoundAnswers(self._job, words, scales, examples, end, self.seconds, choice)
        allowed = None if self.texts is None else texts(self.texts, "text")
        return TextAnswers(self._writer, self.llm_.vocab_size, allowed, self.max_tokens)

    def _pairs(
        self, sources: Iterable[Any], targets: Iterable[Any] | None, times: int = 1
    ) -> list[tuple[Content, Content]]:
        """Examples, encoded where they are sounds; each is written so many times."""
        if targets is None:
            sources, targets = self._split(several(sources), times)
        sources, targets = several(sources), several(targets)
        if len(sources) != len(targets) or not sources:
            raise PromptError(
                f"{len(sources)} sources and {len(targets)} targets; give one or more pairs"
            )
        left = self._contents(sources, self._job.source, times)
        return [*zip(left, self._contents(targets, self._job.target, times), strict=True)]

    def _split(self, clips: Sequence[Any], times: int) -> tuple[Sequence[Any], Sequence[Any]]:
        if self._job.split is None:
            name = self._job.name
            raise PromptError(f"{name!r} learns from pairs; give a target for each source")
        if any(isinstance(clip, Codes) for clip in clips):
            raise PromptError("codes cannot be cut into source and target; give clips, or pairs")
        self.require_room(clips, times)
        pairs = []
        for position, clip in enumerate(clips):
            halves = self._job.split(self._wave(clip, position))
            for half in halves:
                self._require_usable(half, f"a half of clip {position}")
            pairs.append([self.codec_.encode(half) for half in halves])
        return tuple(zip(*pairs, strict=True))

    def _contents(self, given: Sequence[Any], kind: str, times: int = 1) -> Sequence[Content]:
        if kind == "text":
            return texts(given, "text")
        self.require_room(given, times)
        return self.encode(given)

    def _fitted(self) -> Job:
        if not hasattr(self, "_shown"):
            raise PromptError("the generator has no examples yet; call fit(sources, targets) first")
        return self._job

    def _check_settings(self) -> None:
        self._require_numbers("scales", "repeats", "seed", "max_tokens", "top_k", "best_of")
        self._require_numbers("seconds", "temperature", "top_p", kind=Real)
        if self.repeats < 1 or self.max_tokens < 1:
            raise SettingError(
                f"repeats is {self.repeats} and max_tokens is {self.max_tokens}; "
                "both must be 1 or more"
            )
        if self.seconds is not None and not 0 < self.seconds < inf:
            raise SettingError(f"seconds is {self.seconds}; it must be a number above 0")
        if self.words not in (None, *WORDS):
            raise SettingError(f"words is {self.words!r}; expected one of {WORDS}, or None")
        self._sampling(seed=0)  # refuses what cannot be drawn with, before anything is loaded
