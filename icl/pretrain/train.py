"""Training loop of the pocket language model: ``icl pretrain CONFIG``."""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerBase

from icl.pretrain.batches import Batch, game_batch, prose_batch
from icl.pretrain.config import PretrainConfig
from icl.pretrain.formats import MARKS, tokenize_formats
from icl.pretrain.games import Table
from icl.pretrain.meaning import cooccurrence_vectors, starting_embeddings
from icl.pretrain.model import batch_loss, build_model
from icl.pretrain.space import WordSpace
from icl.pretrain.strings import Noise, StringMaker
from icl.pretrain.text import encode_corpus, read_documents, text_files
from icl.pretrain.tokenizer import build_tokenizer, read_portable_words
from icl.pretrain.wiring import add_constant, wire


class Pretrainer:
    """One run: prepares text and tokenizer, trains, saves, resumes.

    Args:
        config: the recipe.
    """

    def __init__(self, config: PretrainConfig) -> None:
        self.config = config
        self.folder = Path(config.out) / "train"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tokenizer = self._tokenizer()
        self.corpus = self._corpus()
        self.words = self._word_ids()
        self.formats = tokenize_formats(self.tokenizer)
        self.model = self._model()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, betas=(0.9, 0.98),
            weight_decay=config.weight_decay,
        )
        self.step = 0

    def _tokenizer(self) -> PreTrainedTokenizerBase:
        target = Path(self.config.out)
        if not (target / "tokenizer.json").exists():
            documents = [d for f in text_files(Path(self.config.text)) for d in read_documents(f)[::4]]
            words = read_portable_words(Path(self.config.words))
            build_tokenizer(documents, words, self.config.num_words, self.config.vocabulary_size,
                            MARKS).save_pretrained(target)
        return AutoTokenizer.from_pretrained(target)

    def _corpus(self) -> np.ndarray:
        cached = self.folder / "corpus.npy"
        if not cached.exists():
            files = text_files(Path(self.config.text))
            stream = encode_corpus(self.tokenizer, files, self.config.text_shares,
                                   self.tokenizer.eos_token_id)
            np.save(cached, stream)
        return np.load(cached, mmap_mode="r")

    def _word_ids(self) -> np.ndarray:
        """Ids of whole lower-case words: what strings and labels are made of."""
        tokens = self.tokenizer.convert_ids_to_tokens(range(len(self.tokenizer)))
        portable = set(read_portable_words(Path(self.config.words)))
        return np.array([i for i, t in enumerate(tokens) if t[0] == "Ġ" and t[1:] in portable])

    def _model(self) -> LlamaForCausalLM:
        config, tokenizer = self.config, self.tokenizer
        vectors = cooccurrence_vectors(np.asarray(self.corpus[: 4_000_000]), len(tokenizer), config.width)
        model = build_model(
            add_constant(starting_embeddings(vectors, config.core)), config.layers, config.heads,
            config.hidden, config.context, tokenizer.bos_token_id, tokenizer.eos_token_id,
            tokenizer.pad_token_id, config.seed,
        )
        wire(model)
        return model

    def space(self) -> WordSpace:
        """The space of strings as the embeddings are now."""
        weight = self.model.get_input_embeddings().weight.detach().float().cpu().numpy()
        return WordSpace(weight, self.words, self.config.core)

    def table(self, space: WordSpace, step: int) -> Table:
        """What the games are played with at a step: harder as the ramp goes on."""
        config = self.config
        progress = min(1.0, step / max(1, config.ramp * config.steps))
        noise = Noise(config.spread, config.shared, config.stretch, config.shift, config.jitter)
        longest = max(config.shortest, round(4 + (config.longest - 4) * progress))
        rng = np.random.default_rng((config.seed, step, 1))
        return Table(StringMaker(space, rng), self.words, self.formats, noise.scaled(progress),
                     (config.shortest, longest), config.text_tokens)

    def batch(self, space: WordSpace, step: int) -> tuple[str, Batch]:
        """The batch of a step and its kind; depends on seed and step alone."""
        config = self.config
        rng = np.random.default_rng((config.seed, step, 0))
        if rng.random() < config.prose_share:
            return "prose", prose_batch(self.corpus, config.rows, config.text_tokens + 1, rng)
        table = self.table(space, step)
        return "games", game_batch(table, config.games, config.rows, self.tokenizer.bos_token_id,
                                   self.tokenizer.pad_token_id)

    def train(self) -> None:
        """Run to the last step, from the last checkpoint if there is one."""
        self.resume()
        space = self.space()
        bar = tqdm(total=self.config.steps, initial=self.step, disable=None, unit="step")
        while self.step < self.config.steps:
            if self.step % self.config.refresh == 0:
                space = self.space()
            kind, batch = self.batch(space, self.step)
            loss = self._update(batch)
            self._log(kind, loss)
            self.step += 1
            bar.update()
            if self.step % self.config.save_every == 0 or self.step == self.config.steps:
                self.save()
        bar.close()

    def _update(self, batch: Batch) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * self._schedule()
        device = self.model.device
        with torch.autocast(device.type, torch.bfloat16):
            loss = batch_loss(self.model, batch.input_ids.to(device), batch.target.to(device))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        return loss.item()

    def _schedule(self) -> float:
        config = self.config
        if self.step < config.warmup:
            return (self.step + 1) / config.warmup
        part = (self.step - config.warmup) / max(1, config.steps - config.warmup)
        return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * part))

    def _log(self, kind: str, loss: float) -> None:
        row = {"step": self.step, "kind": kind, "loss": round(loss, 4), "time": round(time.time(), 1)}
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")

    def save(self) -> None:
        """Write model and resumable state; a kill half-way leaves the previous ones."""
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                 "step": self.step}
        partial = self.folder / "state.pt.part"
        torch.save(state, partial)
        os.replace(partial, self.folder / "state.pt")
        self.export()

    def export(self) -> None:
        """Write the model in half precision beside its tokenizer, for `AutoModelForCausalLM`."""
        half = LlamaForCausalLM(self.model.config)
        half.load_state_dict(self.model.state_dict())
        half.to(torch.float16).save_pretrained(self.config.out)

    def resume(self) -> None:
        """Take up the last checkpoint, if any."""
        path = self.folder / "state.pt"
        if path.exists():
            state = torch.load(path, weights_only=True, map_location=self.model.device)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]


def main(argv: list[str] | None = None) -> int:
    """Entry point of ``icl pretrain``."""
    parser = argparse.ArgumentParser(prog="icl pretrain", description=__doc__)
    parser.add_argument("config", type=Path, help="recipe (JSON), such as icl/pretrain/pocket.json")
    parser.add_argument("--out", help="folder to write instead of the recipe's")
    parser.add_argument("--steps", type=int, help="train this many steps instead")
    parser.add_argument("--threads", type=int, help="processor threads to use")
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    overrides = {k: v for k, v in (("out", args.out), ("steps", args.steps)) if v is not None}
    trainer = Pretrainer(PretrainConfig.load(args.config, **overrides))
    if torch.cuda.is_available():
        trainer.model.to("cuda")
    trainer.train()
    return 0
