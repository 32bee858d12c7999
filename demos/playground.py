"""A page on which a frozen language model is shown sounds and then asked about another.

    python -m demos.playground [--codec NAME] [--llm NAME] [--port N]
"""

import argparse
import functools
from collections.abc import Callable
from pathlib import Path

try:
    import gradio as gr
except ImportError as error:
    raise ImportError("the playground needs gradio: pip install 'llm-codec[playground]'") from error

from demos import making, visitors
from demos.visitors import on_page
from icl import FewShotClassifier, FewShotGenerator
from llm_codec import checkpoint, failure

EXAMPLES = Path(__file__).parent / "examples"
READY = {  # button: (clip shown, its label) ..., clip asked about
    "Two spoken digits": (
        [("digits/three/american-f-1.flac", "three"), ("digits/seven/american-f-1.flac", "seven")],
        "digits/three/american-f-2.flac",
    ),
    "Two sounds": (
        [("sounds/siren/1.flac", "siren"), ("sounds/clap/1.flac", "clap")],
        "sounds/siren/2.flac",
    ),
    "Four sounds": (
        [(f"sounds/{name}/1.flac", name) for name in ("bell", "bird", "engine", "knock")],
        "sounds/bird/2.flac",
    ),
}
COLOURS = {  # kind of a piece of the prompt: background
    "scale 1": "#60a5fa", "scale 2": "#34d399", "scale 3": "#fbbf24", "label": "#f472b6",
}
INTRODUCTION = """# Teach a language model a sound
Show it a few clips with a label each, then ask about another one. \
The model's weights never change: it only reads the clips, written in its own words."""

Shown = list[tuple[str, str]]  # clips shown so far: path and label, in the order they are read


def add(shown: Shown, clip: str | None, label: str) -> Shown:
    """Append a clip; ValueError when it or its label is missing, or it is too long or there."""
    if not clip:
        raise ValueError("there is no clip yet: upload one, record one or pick an example")
    if not label.strip():
        raise ValueError("the clip has no label yet: write the word for it")
    visitors.require_short(clip)
    if any(visitors.same(clip, known) for known, _ in shown):
        raise ValueError("this clip is among the examples already: give another one")
    return [*shown, (clip, label.strip())]


def remove(shown: Shown, index: int) -> Shown:
    """Leave out the clip at `index`."""
    return shown[:index] + shown[index + 1 :]


def ready(name: str) -> tuple[Shown, str]:
    """Clips and question of one of READY, as absolute paths."""
    support, query = READY[name]
    return [(str(EXAMPLES / path), label) for path, label in support], str(EXAMPLES / query)


def ask(
    classifier: FewShotClassifier, shown: Shown, query: str | None
) -> tuple[dict[str, float], list[tuple[str, str | None]]]:
    """Let the model name `query` after the clips shown.

    Returns:
        Probability of every label, and the prompt in pieces, each with its kind: `scale 1`, ...,
        `label`, or None for what stands between them.

    Raises:
        ValueError: fewer than two labels, no query, or clips that are no sound or too long.
    """
    if len({label for _, label in shown}) < 2:
        raise ValueError("show clips of at least two different labels first")
    if not query:
        raise ValueError("there is no clip to ask about yet: upload one or record one")
    visitors.require_short(query)
    clips, labels = zip(*shown, strict=True)
    classifier.fit(list(clips), list(labels))
    heard = classifier.hear([query], classifier.views)
    chances = classifier.predict_proba(heard)[0]
    scores = {str(name): float(p) for name, p in zip(classifier.classes_, chances, strict=True)}
    words = classifier.show_prompt(heard[0]).coloured()
    return scores, [(text, None if kind == "text" else kind) for text, kind in words]


def list_shown(shown: Shown, state: gr.State) -> None:
    """Draw the clips shown so far, two in a row, each with a button that takes it away."""
    if not shown:
        gr.Markdown("*Nothing shown yet: add clips of two labels, or press a button above.*")
    with gr.Row():
        for index, (clip, label) in enumerate(shown):
            with gr.Column(min_width=240):
                gr.Audio(clip, label=label, interactive=False, buttons=[])
                button = gr.Button(f"Remove {label}", size="sm")
            take = functools.partial(lambda i, now: remove(now, i), index)
            button.click(take, state, state, api_visibility="private")


def support_column(state: gr.State) -> None:
    """Left half of the page: what the model is shown."""
    gr.Markdown("### 1 · Show it examples")
    clip = visitors.field("Clip")
    with gr.Row(equal_height=True):
        label = gr.Textbox(
            label="Label", placeholder="a word for it, such as: bell", max_lines=1, scale=3
        )
        button = gr.Button("Add example", scale=1)

    def add_and_clear(shown: Shown, clip: str | None, label: str):
        return add(shown, clip, label), None, ""

    handler, outputs = on_page(add_and_clear), [state, clip, label]
    button.click(handler, [state, clip, label], outputs, api_name="add")
    label.submit(handler, [state, clip, label], outputs, api_visibility="private")
    gr.render(inputs=state)(functools.partial(list_shown, state=state))


def query_column(state: gr.State, classifier: Callable[[], FewShotClassifier]) -> gr.Audio:
    """Right half of the page: the question and the answer; returns the question's clip."""
    gr.Markdown("### 2 · Ask about another clip")
    query = visitors.field("What is this?")
    button = gr.Button("Ask the model", variant="primary")
    answer = gr.Label(label="Answer", num_top_classes=8)
    with gr.Accordion(heading(), open=True) as frame:
        prompt = gr.HighlightedText(
            label="Prompt", color_map=COLOURS, show_legend=True, show_inline_category=False,
            show_label=False,
        )

    def classify(shown: Shown, clip: str | None):
        model = classifier()
        return *ask(model, shown, clip), gr.Accordion(label=heading(model.orders))

    # One question at a time: all visitors share one model and its prefix cache.
    button.click(
        on_page(classify), [state, query], [answer, prompt, frame], api_name="ask",
        concurrency_limit=1, concurrency_id="model",
    )
    gr.on(  # else an old answer would stand beside a new question
        [state.change, query.change], lambda: (None, None, gr.Accordion(label=heading())), None,
        [answer, prompt, frame], api_visibility="private",
    )
    return query


def heading(prompts: int = 1) -> str:
    """What stands above the prompt that is shown, of as many as were read."""
    read = "What the model read"
    return read if prompts == 1 else f"{read}: the first of {prompts} prompts"


def naming_tab(classifier: Callable[[], FewShotClassifier]) -> None:
    """Lay out the tab in which sounds are named."""
    state = gr.State([])
    with gr.Row():
        buttons = {name: gr.Button(f"Try: {name.lower()}", size="sm") for name in READY}
    with gr.Row():
        with gr.Column():
            support_column(state)
        with gr.Column():
            query = query_column(state, classifier)
    for name, button in buttons.items():
        fill = functools.partial(ready, name)
        button.click(fill, None, [state, query], api_visibility="private")


def build_demo(
    classifier_factory: Callable[[], FewShotClassifier],
    generator_factory: Callable[[str], FewShotGenerator],
) -> gr.Blocks:
    """Lay the page out.

    Args:
        classifier_factory: called once, when the first question is asked.
        generator_factory: called with the name of a job, once for each that is asked for.
    """
    gr.set_static_paths(EXAMPLES)
    classifier, generator = map(functools.cache, (classifier_factory, generator_factory))
    with gr.Blocks(
        title="Teach a language model a sound", analytics_enabled=False,
        delete_cache=(3600, 3600),  # what visitors leave, every hour what is older than one
    ) as demo:
        gr.Markdown(INTRODUCTION)
        with gr.Tab("Name a sound"):
            naming_tab(classifier)
        for bench in making.BENCHES:
            with gr.Tab(bench.title):
                making.tab(bench, generator, COLOURS)
    # A call past the queue would refit the shared model while another one asks it.
    return demo.queue(api_open=False)


def require_models(codec: str, llm: str) -> None:
    """ValueError unless both are there: better now than at the first visitor's question."""
    checkpoint.load_words(checkpoint.resolve(codec))
    if not llm.startswith(("http://", "https://")):
        checkpoint.resolve(llm, part="llm")


def main(argv: list[str] | None = None) -> None:
    """Open the page on this machine."""
    parser = argparse.ArgumentParser(prog="python -m demos.playground", description=__doc__)
    parser.add_argument("--codec", default="pocket", help="preset, folder or hub id")
    parser.add_argument("--llm", default="pocket", help="preset, folder or hub id")
    parser.add_argument("--port", type=int, default=7860)
    args = parser.parse_args(argv)
    if not 0 <= args.port < 2**16:
        parser.error(f"--port {args.port}: there are 0 to 65535")
    try:
        require_models(args.codec, args.llm)
    except (ValueError, OSError, ImportError) as error:
        parser.exit(1, f"{parser.prog}: error: {failure.message(error)}\n")
    classifier = functools.cache(
        lambda: FewShotClassifier(codec=args.codec, llm=args.llm, orders=4, views=4)
    )

    def generator(job: str) -> FewShotGenerator:
        named = classifier()
        named.load()  # both share one pair of models
        settings = {bench.job: bench.settings for bench in making.BENCHES}[job]
        return FewShotGenerator(job, codec=named.codec_, llm=named.llm_, **settings)

    demo = build_demo(classifier, generator)
    try:
        demo.launch(
            server_port=args.port, theme=gr.themes.Soft(), footer_links=["api"],
            max_file_size=visitors.LARGEST,
        )
    except OSError:  # gradio would say how to set the port from Python
        parser.exit(1, f"{parser.prog}: error: port {args.port} is in use, or cannot be had; give "
                       "another by --port\n")


if __name__ == "__main__":
    main()
