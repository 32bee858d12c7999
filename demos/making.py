"""Tabs of the playground in which the language model makes a sound after example pairs."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demos import visitors
from demos.visitors import on_page
from icl import FewShotGenerator
from llm_codec.audio import pcm

EXAMPLES = Path(__file__).parent / "examples"
Pairs = list[tuple[str, str]]  # source (a path or a text) and the path of its target


@dataclass(frozen=True)
class Bench:
    """One tab: what is made of what, and a filled-in start.

    Args:
        job: name in `icl.jobs.JOBS`; endpoints are called after it.
        title, source, target: what is written on the page.
        text: whether the source is a text.
        pairs, query: what the button fills in, paths below the examples.
        settings: of the `FewShotGenerator`, beyond the models.
    """

    job: str
    title: str
    source: str
    target: str
    text: bool
    pairs: tuple[tuple[str, str], ...]
    query: str
    settings: dict[str, Any] = field(default_factory=dict)

    def ready(self) -> tuple[Pairs, str]:
        """Pairs and query with whole paths."""
        def place(source: str) -> str:
            return source if self.text else str(EXAMPLES / source)

        pairs = [(place(source), str(EXAMPLES / target)) for source, target in self.pairs]
        return pairs, place(self.query)


BENCHES = (
    Bench(
        "enhance", "Clean a sound", "Noisy", "Clean", False,
        tuple(
            (f"noisy/digits/{name}/american-f-1.flac", f"digits/{name}/american-f-1.flac")
            for name in ("three", "seven")
        ),
        "noisy/digits/five/american-f-1.flac",
    ),
    Bench(
        "speak", "Say a word", "Word", "How it is said", True,
        tuple((name, f"digits/{name}/american-f-1.flac") for name in ("one", "two", "three")),
        "1 + 1", {"resolve": True, "best_of": 4},
    ),
)  # fmt: skip


def add_pair(pairs: Pairs, source: str | None, target: str | None) -> Pairs:
    """Append a pair; ValueError when one side is missing or too long, or the pair is there."""
    if not (source and source.strip() and target):
        raise ValueError("a pair has two sides: give both before you add it")
    pair = (source.strip(), target)
    for side in pair:
        visitors.require_short(side)
    if any(all(map(visitors.same, pair, known)) for known in pairs):
        raise ValueError("this pair is among the examples already: give another one")
    return [*pairs, pair]


def drop_last(pairs: Pairs) -> Pairs:
    """All pairs but the last."""
    return pairs[:-1]


def make(
    generator: FewShotGenerator, pairs: Pairs, query: str | None, seed: float | None = 0
) -> tuple[tuple[int, np.ndarray], list[tuple[str, str | None]]]:
    """Let the model make a sound of ``query`` after the pairs.

    Args:
        generator: of the job; it is fitted anew.
        pairs, query: sources and targets, and the source to make a sound of.
        seed: of the draw; None, which an emptied field gives, is 0.

    Returns:
        Rate in Hz and samples (S,) int16; and the prompt in pieces, each with its kind.

    Raises:
        ValueError: no pair, no query, or clips that are no sound or too long.
    """
    if not pairs:
        raise ValueError("show at least one pair first")
    if not (query and query.strip()):
        raise ValueError("there is nothing to make a sound of yet")
    visitors.require_short(query.strip())
    generator.fit(*zip(*pairs, strict=True))
    wave = generator.generate(query.strip(), seed=int(seed or 0))
    words = generator.show_prompt(query.strip()).coloured()
    shown = [(text, None if kind == "text" else kind) for text, kind in words]
    # Gradio would bring floats to full scale, however quiet the sound is.
    return (generator.codec_.config.sample_rate, pcm(wave)), shown


def listed(bench: Bench, pairs: Pairs) -> str:
    """The pairs as lines of Markdown."""
    if not pairs:
        return "*No pair yet.*"
    names = [(s if bench.text else Path(s).name, Path(t).name) for s, t in pairs]
    return "\n".join(f"- {source} → {target}" for source, target in names)


def tab(
    bench: Bench, generator: Callable[[str], FewShotGenerator], colours: dict[str, str]
) -> None:
    """Lay one tab out.

    Args:
        bench: what it is for.
        generator: gives a generator for a job.
        colours: of the pieces of a prompt.
    """
    state = gr.State([])
    fill = gr.Button("Try: fill in an example", size="sm")
    with gr.Row():
        with gr.Column():
            _pairs_column(bench, state)
        with gr.Column():
            query = _made_column(bench, state, generator, colours)
    fill.click(bench.ready, None, [state, query], api_visibility="private")


def _pairs_column(bench: Bench, state: gr.State) -> None:
    """Left half of a tab: the example pairs."""
    source, target = _side(bench, bench.source), visitors.field(bench.target)
    with gr.Row():
        add = gr.Button("Add pair")
        drop = gr.Button("Remove last pair")
    shown = gr.Markdown(listed(bench, []))

    def add_and_clear(pairs: Pairs, source: str | None, target: str | None):
        return add_pair(pairs, source, target), "" if bench.text else None, None

    add.click(
        on_page(add_and_clear), [state, source, target], [state, source, target],
        api_name=f"{bench.job}_example",
    )
    drop.click(drop_last, state, state, api_visibility="private")
    state.change(functools.partial(listed, bench), state, shown, api_visibility="private")


def _made_column(
    bench: Bench,
    state: gr.State,
    generator: Callable[[str], FewShotGenerator],
    colours: dict[str, str],
) -> gr.Textbox | gr.Audio:
    """Right half of a tab: the query and what is made of it; returns the query's field."""
    query = _side(bench, "Make one of")
    # Generators of random numbers take no seed of 64 bits or more; 32 are plenty.
    seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=2**32 - 1)
    button = gr.Button("Make it", variant="primary")
    answer = gr.Audio(label="Made", interactive=False, buttons=["download"])
    prompt = gr.HighlightedText(label="Prompt", color_map=colours, show_legend=True)

    def answer_query(pairs: Pairs, query: str | None, seed: float | None):
        return make(generator(bench.job), pairs, query, seed)

    button.click(
        on_page(answer_query), [state, query, seed], [answer, prompt], api_name=bench.job,
        concurrency_limit=1, concurrency_id="model",
    )
    gr.on(  # else an old answer would stand beside a new question
        [state.change, query.change], lambda: (None, None), None, [answer, prompt],
        api_visibility="private",
    )
    return query


def _side(bench: Bench, label: str) -> gr.Textbox | gr.Audio:
    return gr.Textbox(label=label, max_lines=1) if bench.text else visitors.field(label)
