"""Training loop of a codec."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from llm_codec.codec import LLMCodec
from llm_codec.run import RunFolder, check_finite, learning_rate_share, make_accelerator
from llm_codec.training.config import TrainConfig
from llm_codec.training.curves import draw
from llm_codec.training.data import Sampler, Span
from llm_codec.training.evaluation import Evaluation
from llm_codec.training.guard import Guard
from llm_codec.training.objective import Objective
from llm_codec.training.pitch import Pitch, PitchTracks
from llm_codec.training.samples import write_samples
from llm_codec.training.sources import Sources
from llm_codec.training.term import Setting
from llm_codec.training.terms import loss_names
from llm_codec.training.words import FrozenWords

FIT_DRAW = 2**31 - 1  # the draw that codebooks are fitted on: no step comes so late


class Trainer:
    """One run: an autoencoder first, then its latents become words.

    Runs on one processor, one GPU or several (``accelerate launch``): every process draws crops of
    its own, and the gradients are averaged.

    Args:
        config: the recipe.
        words: embeddings and vocabulary of the frozen LLM.
        cache: folder for decoded audio, to share it between runs; None keeps it in the run's.
    """

    def __init__(
        self, config: TrainConfig, words: FrozenWords, cache: Path | None = None
    ) -> None:
        self.config, self.words, self.out = config, words, Path(config.out)
        self.accelerator = make_accelerator(config.precision, unused=True)
        self.folder = RunFolder(self.out / "train")
        shape = config.codec_config(words)
        with self.accelerator.main_process_first():  # the others find what it decoded
            sources = Sources(config, cache or self.folder.make() / "cache", shape.sample_rate)
            pitches = PitchTracks(sources.train, shape) if Pitch.asked(config.weights) else None
        self.sampler = Sampler(
            sources.train, config.crop_samples(shape), shape, config.seed, config.levels,
            sources.noise, self.accelerator.process_index)
        torch.manual_seed(config.seed)
        device = self.accelerator.device
        self.codec = LLMCodec(shape, words.vocabulary).to(device)
        setting = Setting(config, shape, words, sources.train.rows, pitches)
        self.trained = Objective(self.codec, setting).to(device)
        if self.trained.needs_takes:
            self.sampler.check_takes()
        if config.start:
            self.trained.begin(self._start())
        moving = [p for p in self.trained.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(moving, lr=config.learning_rate, betas=(0.8, 0.99))
        self.objective, self.optimizer = self.accelerator.prepare(self.trained, optimizer)
        self.evaluation = Evaluation(sources.held_out, config.evaluate_clips, config.seed)
        self.guard = Guard(shape.codebook_sizes, config.lowest_use)
        self.step, self.best = 0, float("inf")

    def _start(self) -> LLMCodec:
        codec = LLMCodec.from_pretrained(self.config.start)
        given = codec.vocabulary.fingerprint if codec.vocabulary else "none"
        if given != self.words.vocabulary.fingerprint:
            raise ValueError(f"the start {self.config.start} speaks other words ({given}) than the "
                             f"recipe asks for ({self.words.vocabulary.fingerprint}); give the "
                             "words it was trained with, or no start")
        return codec

    @property
    def quantising(self) -> bool:
        """Whether the lookup is on."""
        return self.step >= self.config.unquantised

    def train(self) -> None:
        """Run to the last step, from the last checkpoint if there is one.

        Raises:
            CodebookCollapse: hardly any words are used; the last checkpoint stays.
        """
        self.resume()
        config, main = self.config, self.accelerator.is_main_process
        if main:
            tqdm.write(f"losses: {self._losses_in_use()}", file=sys.stderr)
        bar = tqdm(total=config.steps, initial=self.step, unit="step",
                   disable=None if main else True)
        while self.step < config.steps:
            if self.step == config.unquantised and not config.start:
                self.fit_codebooks()
            self._log(self._update())
            self.step += 1
            bar.update()
            last = self.step == config.steps
            evaluate = last or self.step % config.evaluate_every == 0
            if main and evaluate and self.step > config.unquantised:
                self.evaluate()
            if main and (evaluate or self.step % config.save_every == 0):
                self.save()
        bar.close()

    def _losses_in_use(self) -> str:
        used = [name for name in loss_names() if self.config.weights.get(name)]
        off = [name for name in loss_names() if name not in used]
        return f"{', '.join(used)}; off: {', '.join(off) or 'none'}"

    def _update(self) -> dict[str, float]:
        """One optimiser step; returns what the log says of it."""
        config = self.config
        share = learning_rate_share(self.step, config.warmup, config.steps, floor=0.03)
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * share
        losses, step = self.objective(self.step, self.quantising, *self._batch())
        losses = {name: loss for name, loss in losses.items() if config.weights.get(name)}
        total = sum(config.weights[name] * loss for name, loss in losses.items())
        total = total + 0 * step.output.sum()  # several processes wait for a gradient of all
        if step.looked:  # that a step tells of
            total = total + 0 * step.looked.commitment
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(total)
        norm = self.accelerator.clip_grad_norm_(self.objective.parameters(), config.clip)
        figures = {name: loss.item() for name, loss in losses.items()}
        check_finite(norm, self.step, figures)
        self.optimizer.step()
        for term in self.trained.terms:
            figures |= term.learn(step, self.accelerator)
        if step.looked:  # of every process, so that all stop together
            codes = [self.accelerator.gather(one) for one in step.looked.quantized.codes]
            figures |= self.guard.take(codes)
        return {name: round(figure, 4) for name, figure in figures.items()}

    def _batch(
        self,
    ) -> tuple[Tensor, Tensor, list[Span], tuple[Tensor, Tensor, Tensor] | None]:
        crops = self.sampler.crops(self.config.crops, self.step)
        takes = None
        if self.trained.needs_takes:
            waves, *facts = self.sampler.takes(self.config.classes, self.step)
            takes = self._audio(waves), *map(torch.from_numpy, facts)
        return self._audio(crops.waves), self._audio(crops.heard), crops.spans, takes

    def _audio(self, waves: np.ndarray) -> Tensor:
        """(B, S) -> (B, 1, S) where the training runs."""
        return torch.from_numpy(waves)[:, None].to(self.accelerator.device)

    def fit_codebooks(self) -> None:
        """Lay the words over the latents as they are now, in every process alike."""
        self.trained.fit(self._audio(self.sampler.crops(64, FIT_DRAW).waves))
        if self.accelerator.num_processes > 1:
            for weight in self.trained.quantizer.parameters():
                torch.distributed.broadcast(weight.data, src=0)

    def _log(self, values: dict[str, Any], kind: str = "train") -> None:
        if self.accelerator.is_main_process:
            self.folder.log(step=self.step, kind=kind, **values)

    def evaluate(self) -> dict[str, Any]:
        """Measure the codec as it is saved, keep it if it is the best, write samples and curves."""
        self.export()
        codec = LLMCodec.from_pretrained(self.out, device=self.accelerator.device)
        found, pairs = self.evaluation.run(codec)
        if found["mel"] < self.best:
            self.best = found["mel"]
            codec.metadata = self._metadata() | {"evaluation": found}
            codec.save_pretrained(self.out / "best")
        self._log(found, kind="evaluation")
        write_samples(self.out / "samples", pairs, codec.config.sample_rate)
        draw(self.folder.log_file, self.out / "curves.svg")
        return found

    def save(self) -> None:
        """Write resumable state, and the codec once its words are in use."""
        self.folder.save({
            "trained": self.trained.state_dict(), "optimizer": self.optimizer.state_dict(),
            "guard": self.guard.state_dict(), "best": self.best, "step": self.step,
            "words": self._about_words()})
        if self.step > self.config.unquantised:
            self.export()

    def export(self) -> None:
        """Write the codec as it is now."""
        self.trained.quantizer.bake(self.codec.quantizer)
        self.codec.metadata = self._metadata()
        self.codec.save_pretrained(self.out)

    def _about_words(self) -> list[str]:
        return [self.words.llm, self.words.vocabulary.fingerprint]

    def _metadata(self) -> dict[str, Any]:
        return {"llm": self.words.llm, "steps": self.step, "seed": self.config.seed}

    def resume(self) -> None:
        """Take up the last checkpoint, if any; other words, or another LLM's, are laid out anew.

        Raises:
            ValueError: its weights do not fit the recipe, or it is finished and of other words.
        """
        if state := self.folder.load(("trained", "words"), self.accelerator.is_main_process):
            same = state["words"] == self._about_words()
            if not same and state["step"] >= self.config.steps:
                raise ValueError(f"{self.out} holds a finished run around another LLM or other "
                                 "words; give more steps to go on around these, or another out")
            self._take(state, same)
            self.step = state["step"]
            if same:
                self.best = state["best"]
                self.guard.load_state_dict(state["guard"])
            elif self.quantising:
                self.fit_codebooks()
            if self.accelerator.is_main_process and self.step > self.config.unquantised:
                self.export()  # a kill may have come between two of its files

    def _take(self, state: dict[str, Any], same: bool) -> None:
        """Weights of a checkpoint; those of the words and momenta too, if its words are these."""
        weights = state["trained"]
        if not same:
            weights = {name: value for name, value in weights.items()
                       if not name.startswith("quantizer.")}
        try:
            self.trained.load_state_dict(weights, strict=same)
            if same:
                self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:  # torch lists every tensor that does not fit
            raise ValueError(f"{self.out} holds a run of another recipe, whose weights do not fit; "
                             "give another out, or the recipe it was begun with") from error
