"""Templates: the fixed text around audio words and labels."""

from __future__ import annotations

from dataclasses import dataclass


class PromptError(ValueError):
    """A prompt that cannot be built, or that the language model could not hold."""


@dataclass(frozen=True)
class Template:
    """The fixed text around examples. Every part is tokenised alone and the ids are joined.

    Args:
        name: how users ask for it.
        demo_open, demo_close: before and after the audio words.
        demo_end: after an example's label.
        label_prefix: put before a label when it is tokenised.
        instruction: first line; ``{labels}`` becomes ``'a' or 'b'``, labels in sorted order.
    """

    name: str
    demo_open: str
    demo_close: str
    demo_end: str
    label_prefix: str
    instruction: str = ""


TEMPLATES: dict[str, Template] = {
    template.name: template
    for template in (
        # Ours: as few tokens as possible, in the form the pocket language model was trained on.
        Template("pocket", demo_open="", demo_close=" =", demo_end="\n", label_prefix=" "),
        # arXiv 2406.10056, Appendix C, in the literal form of its released script: the next
        # example starts right after a label, and the space before a label belongs to demo_close.
        Template(
            "uniaudio15",
            demo_open="###\nInput: < ",
            demo_close=" >\nOutput: ",
            demo_end="",
            label_prefix="",
            instruction="For each of the following input output pairs, output is one of "
            "[{labels}]\n",
        ),
    )
}


def find_template(template: str | Template) -> Template:
    """The template of that name; a `Template` is passed through."""
    if isinstance(template, Template):
        return template
    if template not in TEMPLATES:
        raise PromptError(f"no template is called {template!r}; there are {sorted(TEMPLATES)}")
    return TEMPLATES[template]
