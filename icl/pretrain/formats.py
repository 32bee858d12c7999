"""Ways to write an example in a word game; the prompt templates of `icl.prompt` are among them."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase

from icl.pretrain.games import Format

# (opening, middle, closing) around a string of words and its label; the first is the pocket
# template, the second the published one (UniAudio 1.5, Appendix C).
FORMATS = (
    ("", " =", "\n"),
    ("###\nInput: <", " >\nOutput:", ""),
    ("", " ->", "\n"),
    ("Input:", "\nOutput:", "\n"),
    ("<", " > is", "."),
)
MARKS = (" =", " ->", "Input", "Output", "###", " <", " >", " is", ":")


def tokenize_formats(tokenizer: PreTrainedTokenizerBase) -> list[Format]:
    """Token ids of every format, each part on its own, as prompts are built."""

    def spell(text: str) -> tuple[int, ...]:
        return tuple(tokenizer.encode(text, add_special_tokens=False)) if text else ()

    return [Format(*map(spell, parts)) for parts in FORMATS]
