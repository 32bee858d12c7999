"""Few-shot classification: scikit-learn in manner, with an unchanged language model inside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from icl import calibration, stand_ins
from icl.demonstrations import Choice
from icl.llm import LLM
from icl.pair import FrozenPair, Views, require_distinct, several, texts
from icl.prompt import Prompt
from icl.shown import Shown
from icl.template import PromptError, SettingError, Template, require_known
from icl.writer import Content
from llm_codec.codec import LLMCodec

AGGREGATES = ("sum", "mean")
CALIBRATIONS = ("none", "contextual")


@dataclass(eq=False, repr=False)
class FewShotClassifier(FrozenPair):
    """Names sounds from a few labelled examples, shown to a frozen language model as words.

    `fit` writes the examples as a prompt and changes no weight; `predict` asks about each clip.

    Args:
        codec: a preset, a folder, a hub id, or an `LLMCodec`.
        llm: a preset, a folder, a hub id, a transformers model, an `LLM`, or the address of a
            completions server (``http://host:port/v1``, ``#model`` after it where it has several).
        template: name in `icl.template.TEMPLATES`, or a `Template`.
        scales: leading codec scales written into the prompt; 1 is the slow, semantic one.
        repeats: times the examples are written.
        induction: write the template's instruction, if it has one.
        choose, per_label, order: which examples are shown and how ordered; see `Choice`.
        orders: orders of examples and labels to ask in; their probabilities are averaged.
        views: times that every clip is heard, starting later by a part of a coarse word each time
            (see `hear`); orders take turns with them, so there can be no more than orders.
        views_shown: how many of them one prompt shows of every example, from the order's own on;
            more are likelier to hold the query's cuts, and take as much more room.
        seed: of all draws and shuffles.
        label_words: whether labels are written as they are (``"own"``), as plain words that stand
            for them (``"plain"``), or so where they are long (``"auto"``); see `icl.stand_ins`.
        aggregate: ``"sum"`` compares summed log-likelihoods of the labels; ``"mean"`` their mean
            per token, for labels of unequal length.
        calibrate: ``"contextual"`` divides out what labels get from content-free queries.
        content_free: those queries, some of `icl.calibration.CONTENT_FREE`.
        temperature: the logarithms of probabilities are divided by it; ``"auto"`` takes what was
            measured for the model (``label_temperature``); ``"fit"`` fits it on answers
            about the examples, one of each label left out at a time (as many runs of all orders as
            a label has examples); with fewer than `icl.calibration.ENOUGH` it is as ``"auto"``.
        tokenizer: of a server's model: a folder, a hub id or a tokenizer. None takes the model's.
        sample_rate: Hz, of clips given as arrays; None is the codec's own.

    Attributes:
        classes_: sorted labels (C,), after `fit`.
        codec_, llm_, temperature_: what is in use, after `fit`.
    """

    _estimator_type = "classifier"

    codec: str | Path | LLMCodec = "pocket"
    llm: str | Path | LLM = "pocket"
    template: str | Template = "pocket"
    scales: int = 1
    repeats: int = 1
    induction: bool = True
    choose: str = "all"
    per_label: int | None = None
    order: str = "shuffled"
    orders: int = 1
    views: int = 1
    views_shown: int = 1
    seed: int = 0
    label_words: str = "auto"
    aggregate: str = "sum"
    calibrate: str = "none"
    content_free: Sequence[str] = ("silence", "noise", "empty")
    temperature: float | str = "auto"
    tokenizer: Any = None
    sample_rate: int | None = None

    def fit(self, clips: Iterable[Any], labels: Iterable[str]) -> FewShotClassifier:
        """Write the examples as a prompt. One that fails leaves the classifier without examples.

        Args:
            clips: paths, arrays or tensors (S,) or (C, S), single-item `Codes`, or what `hear`
                made of one.
            labels: one for each clip; two or more distinct ones.

        Raises:
            PromptError: labels are too few or do not match, an example comes twice, the examples
                do not fit, or a setting cannot work (`SettingError`).
            AudioError: a clip cannot be read, is silent, or is shorter than one frame.
            VocabularyError: the language model's tokenizer cannot spell the codec's words.
        """
        vars(self).pop("classes_", None)
        clips = several(clips)
        labels = texts(labels, "label", len(clips))
        self._check(labels)
        choice = Choice(self.choose, self.per_label, self.order, self.seed)
        self._load_writer(self.template, self.scales, self.induction)
        classes = sorted(set(labels))
        names = self._written(classes)
        self._answers = self._writer.label_sequences([*names.values()])
        targets = [*map(names.get, labels)]
        # Of examples to choose from, one may be too long and never be shown.
        self.require_room(clips, self.repeats * self.views_shown * (self.choose == "all"))
        views = [*zip(*self.hear(clips, self.views), strict=True)]
        require_distinct(zip(views[0]))
        self._shown = [
            Shown(self._examples(views, view, targets), self._writer, choice, self.codec_,
                  self.llm_.context_length, [*names.values()], self.repeats,
                  range(view, self.orders, self.views))
            for view in range(self.views)
        ]
        self._priors = self._find_priors()
        self.temperature_ = self._find_temperature()
        heads = [head for shown in self._shown for head in shown.heads.values()]
        self.llm_.hold(*(head.ids for head in heads if head.ids))
        self.classes_ = np.array(classes)  # last, for by it others know that all is there
        return self

    def _examples(self, views: Sequence, first: int, targets: Sequence[str]) -> list:
        """All examples in the view ``first``, then in the next one, as many as are shown."""
        shown = [views[(first + more) % self.views] for more in range(self.views_shown)]
        return [pair for codes in shown for pair in zip(codes, targets, strict=True)]

    def _written(self, labels: list[str]) -> dict[str, str]:
        if self._writer.template.text_prefix == "" and self.label_words == "auto":
            return stand_ins.written(labels, "own", self._writer.label_ids)  # published forms
        self._writer.label_sequences(labels)  # refuses what has no tokens, or the same
        return stand_ins.written(labels, self.label_words, self._writer.label_ids)

    def predict(self, queries: Iterable[Any]) -> np.ndarray:
        """Most likely label of each clip: str (N,)."""
        probabilities = self.predict_proba(queries)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, queries: Iterable[Any]) -> np.ndarray:
        """Probability of each label of `classes_` for each clip: float64 (N, C), rows sum to 1."""
        self._require_fitted()
        return calibration.sharpen(self._proba(self._hear(queries)), self.temperature_)

    def score(self, queries: Iterable[Any], labels: Iterable[str]) -> float:
        """Share of clips whose label is predicted, 0 to 1; a label for each clip."""
        queries = several(queries)
        labels = texts(labels, "label", len(queries))
        return float(np.mean(self.predict(queries) == np.array(labels)))

    def show_prompt(self, query: Any) -> Prompt:
        """The prompt the language model reads to answer for one clip, in the first order."""
        self._require_fitted()
        return self._prompt(self._hear([query])[0][0], 0)

    def _hear(self, queries: Iterable[Any]) -> list[Views]:
        queries = several(queries)
        self.require_room(queries)
        return self.hear(queries, self.views)

    def _proba(
        self, queries: Sequence[Sequence[Content]], without: Collection[int] = ()
    ) -> np.ndarray:
        """Probabilities (N, C) before temperature, averaged over orders.

        Args:
            queries: each in all its views.
            without: indices of examples to leave out.
        """
        turns = [
            calibration.softmax(self._scores(queries, turn, without) - self._priors[turn])
            for turn in range(self.orders)
        ]
        return np.mean(turns, axis=0)

    def _scores(
        self, queries: Sequence[Sequence[Content]], turn: int, without: Collection[int] = ()
    ) -> np.ndarray:
        """Log-likelihood of each answer after the prompt for each query: float64 (N, C).

        Args:
            queries: each in all its views.
            turn: which order to ask in.
            without: indices of examples to leave out.
        """
        prompts = [self._prompt(query[turn % self.views], turn, without) for query in queries]
        totals = self.llm_.score_many([prompt.ids for prompt in prompts], self._answers)
        rows = np.array(totals, dtype=np.float64).reshape(-1, len(self._answers))
        return rows / [*map(len, self._answers)] if self.aggregate == "mean" else rows

    def _prompt(self, query: Content, turn: int, without: Collection[int] = ()) -> Prompt:
        shown = self._shown[turn % self.views]
        return shown.prompt(query, max(map(len, self._answers)), turn, without)

    def _find_priors(self) -> np.ndarray:
        """Log-probability (orders, C) of each label without content; 0 where that is not asked."""
        priors = np.zeros((self.orders, len(self._answers)))
        if self.calibrate == "none":
            return priors
        codes = [codes for codes, _ in self._shown[0].examples]
        silent = calibration.content_free(self.content_free, self.codec_, codes, self.seed)
        silent = [(query,) * self.views for query in silent]
        for turn in range(self.orders):
            priors[turn] = calibration.log_prior(self._scores(silent, turn))
        return priors

    def _find_temperature(self) -> float:
        usual = self.llm_.label_temperature
        if self.temperature != "fit":
            return usual if self.temperature == "auto" else float(self.temperature)
        total = len(self._shown[0].examples)
        count = total // self.views_shown
        targets = [target for _, target in self._shown[0].examples[:count]]
        folds = calibration.left_out(targets)
        gold = [self._shown[0].labels.index(targets[place]) for fold in folds for place in fold]
        if len(gold) < calibration.ENOUGH:
            return usual
        answers = []
        for fold in folds:
            heard = [[shown.examples[place][0] for shown in self._shown] for place in fold]
            copies = {place + more for place in fold for more in range(0, total, count)}
            answers.append(self._proba(heard, copies))
        return calibration.fit_temperature(np.concatenate(answers), gold, usual)

    def _require_fitted(self) -> None:
        if not hasattr(self, "classes_"):
            raise PromptError("the classifier has no examples yet; call fit(clips, labels) first")

    def _check(self, labels: Sequence[str]) -> None:
        if len(set(labels)) < 2:
            raise PromptError(f"the labels are {sorted(set(labels))}; give examples of two or more")
        require_known(stand_ins.MODES, label_words=self.label_words)
        require_known(AGGREGATES, aggregate=self.aggregate)
        require_known(CALIBRATIONS, calibrate=self.calibrate)
        self._require_numbers("scales", "repeats", "orders", "views", "views_shown", "seed")
        if self.repeats < 1 or not 1 <= self.views_shown <= self.views <= self.orders:
            raise SettingError(f"repeats, orders, views, views_shown are {self.repeats}, "
                               f"{self.orders}, {self.views}, {self.views_shown}; all must be 1 or "
                               "more, every view needs an order, and no more are shown than heard")
        if self.views_shown > 1 and self.choose != "all":
            raise SettingError(f"choose={self.choose!r} would take views for examples; choose all")
        given = self.temperature
        if given not in ("auto", "fit") and not (isinstance(given, int | float) and given > 0):
            raise SettingError(f"temperature is {given!r}; give auto, fit or a number >0")
