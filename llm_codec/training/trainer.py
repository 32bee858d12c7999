"""Training loop of a codec: ``llm-codec train CONFIG``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from llm_codec.codec import LLMCodec
from llm_codec.manifest import read_manifest
from llm_codec.run import RunFolder, learning_rate_share
from llm_codec.training.config import TrainConfig
from llm_codec.training.data import ClipBank, Sampler, Span
from llm_codec.training.objective import Objective
from llm_codec.training.term import Setting
from llm_codec.training.words import FrozenWords, read_word_list, read_words

FIT_DRAW = 2**31 - 1  # the draw that codebooks are fitted on: no step comes so late


class Trainer:
    """One run: an autoencoder first, then its latents become words.

    Args:
        config: the recipe.
        words: embeddings and vocabulary of the frozen LLM.
        device: where to train.
    """

    def __init__(self, config: TrainConfig, words: FrozenWords, device: str = "cpu") -> None:
        self.config, self.device, self.words = config, device, words
        self.folder = RunFolder(Path(config.out) / "train")
        rows = [row for row in read_manifest(Path(config.data)) if row["split"] == config.split
                and row["speaker"] not in config.held_out]
        bank = ClipBank(Path(config.data), rows, self.folder.make() / "cache")
        shape = config.codec_config(words.embeddings[0].shape[1])
        self.sampler = Sampler(bank, config.seconds, shape.sample_rate, config.seed)
        torch.manual_seed(config.seed)
        self.codec = LLMCodec(shape, words.vocabulary).to(device)
        self.trained = Objective(self.codec, Setting(config, shape, words, rows)).to(device)
        moving = [p for p in self.trained.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(moving, lr=config.learning_rate, betas=(0.8, 0.99))
        self.accelerator = _accelerator(device)
        self.step = 0

    @property
    def quantising(self) -> bool:
        """Whether the lookup is on."""
        return self.step >= self.config.unquantised

    def train(self) -> None:
        """Run to the last step, from the last checkpoint if there is one."""
        self.resume()
        bar = tqdm(total=self.config.steps, initial=self.step, disable=None, unit="step")
        while self.step < self.config.steps:
            if self.step == self.config.unquantised:
                self.fit_codebooks()
            self._log(self._update())
            self.step += 1
            bar.update()
            if self.step % self.config.save_every == 0 or self.step == self.config.steps:
                self.save()
        bar.close()

    def _update(self) -> dict[str, float]:
        config = self.config
        share = learning_rate_share(self.step, config.warmup, config.steps, floor=0.03)
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * share
        losses, step = self.trained(self.step, self.quantising, *self._batch())
        total = sum(config.weights.get(name, 0) * loss for name, loss in losses.items())
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.trained.parameters(), config.clip)
        self.optimizer.step()
        learnt = {}
        for term in self.trained.terms:
            learnt |= term.learn(step, self.accelerator)
        codes = step.looked.quantized.codes if step.looked else []
        used = {f"used{k + 1}": len(c.unique()) for k, c in enumerate(codes)}
        figures = {name: loss.item() for name, loss in losses.items()} | learnt
        return {name: round(figure, 4) for name, figure in figures.items()} | used

    def _batch(self) -> tuple[Tensor, list[Span], tuple[Tensor, Tensor] | None]:
        crops = self.sampler.crops(self.config.crops, self.step)
        takes = None
        if self.trained.needs_takes:
            waves, lengths = self.sampler.takes(self.config.classes, self.step)
            takes = self._audio(waves), torch.from_numpy(lengths)
        return self._audio(crops.waves), crops.spans, takes

    def _audio(self, waves: np.ndarray) -> Tensor:
        """(B, S) -> (B, 1, S) where the training runs."""
        return torch.from_numpy(waves)[:, None].to(self.device)

    def fit_codebooks(self) -> None:
        """Lay the words over the latents as they are now."""
        self.trained.fit(self._audio(self.sampler.crops(64, FIT_DRAW).waves))

    def _log(self, values: dict[str, float]) -> None:
        self.folder.log(step=self.step, **values)

    def save(self) -> None:
        """Write resumable state, and the codec once its words are in use."""
        self.folder.save({
            "trained": self.trained.state_dict(), "optimizer": self.optimizer.state_dict(),
            "step": self.step, "llm": self.words.llm})
        if self.step > self.config.unquantised:
            self.trained.quantizer.bake(self.codec.quantizer)
            self.codec.metadata = {
                "llm": self.words.llm, "steps": self.step, "seed": self.config.seed}
            self.codec.save_pretrained(self.config.out)

    def resume(self) -> None:
        """Take up the last checkpoint, if any; around another LLM the words are laid out anew."""
        if state := self.folder.load(self.device):
            self.trained.load_state_dict(state["trained"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]
            if self.quantising and state["llm"] != self.words.llm:
                self.fit_codebooks()


def _accelerator(device: str) -> Any:
    try:
        from accelerate import Accelerator  # an extra
    except ImportError as error:
        raise ImportError(
            "training needs accelerate; install it with pip install 'llm-codec[train]'"
        ) from error
    return Accelerator(cpu=device == "cpu")


def main(argv: list[str] | None = None) -> int:
    """Entry point of ``llm-codec train``."""
    parser = argparse.ArgumentParser(prog="llm-codec train", description=__doc__)
    parser.add_argument("config", type=Path, help="recipe, such as llm_codec/training/pocket.json")
    parser.add_argument("--llm", help="frozen LLM, not the recipe's: preset, folder or hub name")
    parser.add_argument("--out", help="folder to write instead of the recipe's")
    parser.add_argument("--steps", type=int, help="train this many steps instead")
    parser.add_argument("--threads", type=int, help="processor threads to use")
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    overrides = {k: v for k in ("llm", "out", "steps") if (v := getattr(args, k)) is not None}
    config = TrainConfig.load(args.config, **overrides)
    allowed = set(read_word_list(Path(config.word_list))) if config.word_list else None
    words = read_words(config.llm, config.words, allowed)
    Trainer(config, words, "cuda" if torch.cuda.is_available() else "cpu").train()
    return 0
