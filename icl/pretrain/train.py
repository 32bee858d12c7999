"""Training loop of the pocket language model: ``icl pretrain CONFIG``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from icl.parser import Parser
from icl.pretrain.batches import Batch
from icl.pretrain.config import PretrainConfig
from icl.pretrain.curriculum import Curriculum
from icl.pretrain.curves import draw
from icl.pretrain.evaluation import Evaluation
from icl.pretrain.formats import MARKS, Speller
from icl.pretrain.games.categories import read_groups
from icl.pretrain.layout import Layout
from icl.pretrain.meaning import cooccurrence_vectors
from icl.pretrain.model import LossModel, build_model
from icl.pretrain.space import WordSpace
from icl.pretrain.text import cached_corpus, encode_corpus, read_documents, text_files, text_folder
from icl.pretrain.tokenizer import SPACE, build_tokenizer
from icl.pretrain.wiring import Wirer
from llm_codec.run import RunFolder, check_finite, learning_rate_share, make_accelerator
from llm_codec.training.words import read_word_list

MEANING_TOKENS = 4_000_000  # of the corpus, that starting vectors are counted from
WORDNET = "wordnet.tsv.xz"


class Pretrainer:
    """One run: prepares text and tokenizer, trains, saves, resumes.

    Runs on one processor, one GPU or several (``accelerate launch``): every process draws rows of
    its own, and the gradients are averaged.

    Args:
        config: the recipe.
    """

    def __init__(self, config: PretrainConfig) -> None:
        self.config = config
        self.accelerator = make_accelerator("bf16")
        self.out = Path(config.out)
        self.folder = RunFolder(self.out / "train")
        self._portable = read_word_list(Path(config.words))
        with self.accelerator.main_process_first():  # the others find what it made
            self.text = text_folder(config.text, self.folder.path)
            self.tokenizer = self._tokenizer()
            self.corpus = self._corpus()
        self.layout = Layout(config.width, config.core)
        self.words = self._word_ids()
        self.model, self.curriculum = self._begin()
        self.evaluation = Evaluation(self.curriculum, self._held_out())
        self.optimizer = torch.optim.AdamW(
            [weight for weight in self.model.parameters() if weight.requires_grad],
            lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay,
        )  # fmt: skip
        self.loss, self.optimizer = self.accelerator.prepare(LossModel(self.model), self.optimizer)
        self.step = 0

    def _tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer of ``out``; else that of ``start``, else built from the text."""
        config = self.config
        if not (self.out / "tokenizer.json").exists():
            if config.start:
                tokenizer = AutoTokenizer.from_pretrained(config.start)
            else:
                files = text_files(self.text)
                documents = [text for file in files for text in read_documents(file)[::4]]
                tokenizer = build_tokenizer(
                    documents, self._portable, config.num_words, config.vocabulary_size, MARKS
                )
            self.folder.publish(self.out, tokenizer.save_pretrained)
        return AutoTokenizer.from_pretrained(self.out)

    def _corpus(self) -> np.ndarray:
        return cached_corpus(
            self.folder.make(), self.tokenizer, text_files(self.text), self.config.text_shares
        )

    def _held_out(self) -> np.ndarray:
        """Prose that is never trained on; the corpus itself where the text is too short for any."""
        files, end = text_files(self.text), self.tokenizer.eos_token_id
        kept = encode_corpus(self.tokenizer, files, self.config.text_shares, end, held_out=True)
        if len(kept) > self.config.prose_length + 1:
            return kept
        tqdm.write(f"{self.text} has too few documents to keep some apart (one in fifty of a file "
                   "is): prose is evaluated on what is trained on", file=sys.stderr)
        return self.corpus

    def _word_ids(self) -> np.ndarray:
        """Ids of whole lower-case words (W,): what strings and labels are made of."""
        tokens = self.tokenizer.convert_ids_to_tokens(range(len(self.tokenizer)))
        portable = {SPACE + word for word in self._portable}
        return np.array([number for number, token in enumerate(tokens) if token in portable])

    def _vectors(self) -> np.ndarray:
        """Word vectors (V, N), most important column first: of ``start``, or from the text."""
        config, size = self.config, len(self.tokenizer)
        if not config.start:
            tokens = np.asarray(self.corpus[:MEANING_TOKENS])
            return cooccurrence_vectors(tokens, size, config.width)
        table = _table(self._earlier())
        centred = table - table[self.words].mean(axis=0)
        return centred @ np.linalg.svd(centred[self.words], full_matrices=False)[2].T

    def _earlier(self) -> LlamaForCausalLM:
        return AutoModelForCausalLM.from_pretrained(self.config.start, dtype=torch.float32)

    def _begin(self) -> tuple[LlamaForCausalLM, Curriculum]:
        """The model before the first step, and what it will read."""
        config, tokenizer = self.config, self.tokenizer
        earlier = self._earlier() if config.warm else None
        table = _table(earlier) if earlier else self.layout.embeddings(self._vectors(), self.words)
        model = build_model(
            table, config.layers, config.hidden, config.context, tokenizer.bos_token_id,
            tokenizer.eos_token_id, tokenizer.pad_token_id, config.seed,
        )  # fmt: skip
        curriculum = Curriculum(
            config, self.corpus, self._space(table), Speller(tokenizer), self._groups()
        )
        if earlier:
            self._take(model, earlier)
        elif config.wired:
            sample = curriculum.games(config.steps, min(config.lengths)).input_ids[:8]
            (unknown,) = curriculum.spell.ids("?")
            naming = {token for mark in (":", " =") for token in curriculum.spell.ids(mark)}
            Wirer(model, self.layout, sample, unknown, sorted(naming)).wire()
        return model, curriculum

    def _take(self, model: LlamaForCausalLM, earlier: LlamaForCausalLM) -> None:
        """Copy all weights of an earlier model."""
        try:
            model.load_state_dict(earlier.state_dict())
        except RuntimeError as error:
            raise ValueError(f"the recipe's width, layers, hidden or vocabulary_size are not those "
                             f"of its start, {self.config.start}; give both the same") from error

    def _groups(self) -> dict[str, np.ndarray]:
        path = self.text / WORDNET
        if not path.exists():
            return {}
        tokens = self.tokenizer.convert_ids_to_tokens(self.words.tolist())
        names = [token.removeprefix(SPACE) for token in tokens]
        return read_groups(path, dict(zip(names, self.words.tolist(), strict=True)))

    def train(self) -> None:
        """Run to the last step, from the last checkpoint if there is one."""
        self.resume()
        config, main = self.config, self.accelerator.is_main_process
        bar = tqdm(total=config.steps, initial=self.step, disable=None if main else True)
        while self.step < config.steps:
            kind, batch = self.curriculum.batch(self.step, self.accelerator.process_index)
            loss = self._update(batch)
            if main:
                self.folder.log(step=self.step, kind=kind, loss=round(loss, 4))
            self.step += 1
            bar.update()
            last = self.step == config.steps
            evaluate = last or self.step % config.evaluate_every == 0
            if main and evaluate:  # first: what is saved as done is done
                found = self.evaluation.run(self.model)
                self.folder.log(step=self.step, kind="evaluation", **found)
                draw(self.folder.log_file, self.out / "curves.svg")
            if main and (evaluate or self.step % config.save_every == 0):
                self.save()
        bar.close()

    def _update(self, batch: Batch) -> float:
        """One optimiser step; returns the loss before it."""
        config, device = self.config, self.accelerator.device
        share = learning_rate_share(self.step, config.warmup, config.steps, floor=0.05)
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * share
        with self.accelerator.autocast():
            loss = self.loss(batch.input_ids.to(device), batch.target.to(device))
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        norm = self.accelerator.clip_grad_norm_(self.loss.parameters(), config.clip)
        value = loss.item()
        check_finite(norm, self.step, {"loss": value})
        self.optimizer.step()
        return value

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
        self.folder.publish(self.out, half.to(torch.float16).save_pretrained)

    def resume(self) -> None:
        """Take up the last checkpoint, if any."""
        if state := self.folder.load(("model", "step"), self.accelerator.is_main_process):
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]
            if self.accelerator.is_main_process:
                self.export()  # a kill may have come before or between its files
        # Another machine may find other signs for the axes of the embeddings than those in use.
        space = self._space(_table(self.model))
        self.curriculum = self.evaluation.curriculum = replace(self.curriculum, space=space)

    def _space(self, table: np.ndarray) -> WordSpace:
        return WordSpace(table[self.words, self.layout.meaning], self.words)


def _table(model: LlamaForCausalLM) -> np.ndarray:
    """Input embeddings (V, E) float32."""
    return model.get_input_embeddings().weight.detach().cpu().numpy()


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
    given: dict[str, Any] = {"out": args.out, "steps": args.steps}
    overrides = {name: value for name, value in given.items() if value is not None}
    Pretrainer(PretrainConfig.load(args.config, **overrides)).train()
    return 0
