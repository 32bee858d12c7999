"""Training loop of the pocket language model: ``icl pretrain CONFIG``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerBase
from transformers.utils import logging

from icl.parser import Parser
from icl.pretrain.batches import Batch, game_batch, prose_batch
from icl.pretrain.config import PretrainConfig
from icl.pretrain.formats import MARKS, tokenize_formats
from icl.pretrain.games import Table
from icl.pretrain.meaning import cooccurrence_vectors, starting_embeddings
from icl.pretrain.model import batch_loss, build_model
from icl.pretrain.space import WordSpace
from icl.pretrain.strings import Noise, StringMaker
from icl.pretrain.text import encode_corpus, read_documents, text_files
from icl.pretrain.tokenizer import SPACE, build_tokenizer
from icl.pretrain.wiring import add_constant, wire
from llm_codec.run import RunFolder, learning_rate_share
from llm_codec.training.words import read_word_list

MEANING_TOKENS = 4_000_000  # of the corpus, that starting vectors are counted from


class Pretrainer:
    """One run: prepares text and tokenizer, trains, saves, resumes.

    Args:
        config: the recipe.
    """

    def __init__(self, config: PretrainConfig) -> None:
        self.config = config
        self.out = Path(config.out)
        self.folder = RunFolder(self.out / "train")
        self._portable = read_word_list(Path(config.words))
        self.tokenizer = self._tokenizer()
        self.corpus = self._corpus()
        self.words = self._word_ids()
        self.formats = tokenize_formats(self.tokenizer)
        self.model = self._model()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, betas=(0.9, 0.98),
            weight_decay=config.weight_decay,
        )  # fmt: skip
        self.step = 0

    def _tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer of ``out``; built from every fourth document if there is none yet."""
        if not (self.out / "tokenizer.json").exists():
            config, files = self.config, text_files(Path(self.config.text))
            documents = [text for file in files for text in read_documents(file)[::4]]
            tokenizer = build_tokenizer(
                documents, self._portable, config.num_words, config.vocabulary_size, MARKS
            )
            tokenizer.save_pretrained(self.out)
        return AutoTokenizer.from_pretrained(self.out)

    def _corpus(self) -> np.ndarray:
        """The text as one stream of tokens (L,) uint16, kept in the run's folder."""
        cached = self.folder.make() / "corpus.npy"
        if not cached.exists():
            files, end = text_files(Path(self.config.text)), self.tokenizer.eos_token_id
            stream = encode_corpus(self.tokenizer, files, self.config.text_shares, end)
            partial = cached.with_name("corpus.part.npy")
            np.save(partial, stream)
            os.replace(partial, cached)
        return np.load(cached, mmap_mode="r")

    def _word_ids(self) -> np.ndarray:
        """Ids of whole lower-case words (W,): what strings and labels are made of."""
        tokens = self.tokenizer.convert_ids_to_tokens(range(len(self.tokenizer)))
        portable = {SPACE + word for word in self._portable}
        return np.array([number for number, token in enumerate(tokens) if token in portable])

    def _model(self) -> LlamaForCausalLM:
        """The model before the first step: vectors from the text, attention wired."""
        config, tokenizer = self.config, self.tokenizer
        start = np.asarray(self.corpus[:MEANING_TOKENS])
        vectors = cooccurrence_vectors(start, len(tokenizer), config.width)
        model = build_model(
            add_constant(starting_embeddings(vectors, config.core)), config.layers, config.heads,
            config.hidden, config.context, tokenizer.bos_token_id, tokenizer.eos_token_id,
            tokenizer.pad_token_id, config.seed,
        )  # fmt: skip
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
        """The batch of a step and its kind; depends on seed, step and the space alone."""
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
            self.folder.log(step=self.step, kind=kind, loss=round(loss, 4))
            self.step += 1
            bar.update()
            if self.step % self.config.save_every == 0 or self.step == self.config.steps:
                self.save()
        bar.close()

    def _update(self, batch: Batch) -> float:
        """One optimiser step; returns the loss before it."""
        config, device = self.config, self.model.device
        share = learning_rate_share(self.step, config.warmup, config.steps, floor=0.05)
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * share
        with torch.autocast(device.type, torch.bfloat16):
            loss = batch_loss(self.model, batch.input_ids.to(device), batch.target.to(device))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        self.optimizer.step()
        return loss.item()

    def save(self) -> None:
        """Write resumable state and the model; a kill half-way leaves whole files."""
        self.folder.save({
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
        })  # fmt: skip
        self.export()

    def export(self) -> None:
        """Write the model in half precision beside its tokenizer, for `AutoModelForCausalLM`."""
        half = LlamaForCausalLM(self.model.config)
        half.load_state_dict(self.model.state_dict())
        with tempfile.TemporaryDirectory(dir=self.folder.make()) as partial:
            half.to(torch.float16).save_pretrained(partial)
            for file in Path(partial).iterdir():
                os.replace(file, self.out / file.name)

    def resume(self) -> None:
        """Take up the last checkpoint, if any."""
        if state := self.folder.load(self.model.device):
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]


def main(argv: list[str] | None = None) -> int:
    """Entry point of ``icl pretrain``."""
    parser = Parser(prog="icl pretrain", description="Train the pocket language model on text.")
    parser.add_argument("config", type=Path, help="recipe (JSON), such as icl/pretrain/pocket.json")
    parser.add_argument("--out", help="folder to write instead of the recipe's")
    parser.add_argument("--steps", type=int, help="train this many steps instead")
    parser.add_argument("--threads", type=int, help="processor threads to use")
    args = parser.parse_args(argv)
    logging.disable_progress_bar()  # of writing the model, which takes no time
    if args.threads:
        torch.set_num_threads(args.threads)
    overrides = {k: v for k, v in (("out", args.out), ("steps", args.steps)) if v is not None}
    trainer = Pretrainer(PretrainConfig.load(args.config, **overrides))
    if torch.cuda.is_available():
        trainer.model.to("cuda")
    trainer.train()
    return 0
