"""Templates: the fixed text around sources and targets, such as audio words and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Any

FIELDS = ("source", "target")


class PromptError(ValueError):
    """A prompt that cannot be built, or that the language model could not hold."""


class SettingError(PromptError):
    """A setting that does not exist or cannot work, whatever is shown and asked."""


@dataclass(frozen=True)
class Template:
    """How an example and a question are written.

    Every piece of fixed text is tokenised alone and the ids are joined, so that a prompt is known
    to begin with its examples whatever the question is.

    Args:
        name: how users ask for it.
        demo: an example, with ``{source}`` and ``{target}`` once each, in either order. When sounds
            are named, the source is a sound and the target its label.
        query: a question, with ``{source}``; the language model goes on with the target.
        text_prefix: put before a source or target that is text when it is tokenised.
        instruction: first line; ``{labels}`` becomes ``'a' or 'b'``.

    Raises:
        PromptError: a field is missing, or there are others.
    """

    name: str
    demo: str
    query: str
    text_prefix: str = " "
    instruction: str = ""

    def __post_init__(self) -> None:
        for text, wanted in ((self.demo, FIELDS), (self.query, FIELDS[:1])):
            found = sorted(field for _, field in _parse(text) if field)
            if found != list(wanted):
                raise PromptError(
                    f"template {self.name!r}: {text!r} has fields {found}; expected {list(wanted)}"
                )

    @cached_property
    def demo_pieces(self) -> list[tuple[str, str | None]]:
        """Fixed text and the field after it (None at the end), in order."""
        return _parse(self.demo)

    @cached_property
    def query_pieces(self) -> list[tuple[str, str | None]]:
        """The same for a question."""
        return _parse(self.query)

    @property
    def answer_end(self) -> str:
        """What follows an answer: the end of an example, or the beginning of the next one."""
        last = self.demo_pieces[-1]
        return last[0] if last[1] is None else self.demo_pieces[0][0]


def _parse(text: str) -> list[tuple[str, str | None]]:
    return [(fixed, field) for fixed, field, _, _ in Formatter().parse(text)]


TEMPLATES: dict[str, Template] = {
    template.name: template
    for template in (
        # Ours: few tokens, and the label stands before the words, so that each word can look back
        # at its label. The pocket language model has practised this form most.
        Template("pocket", demo="{target}:{source}\n", query="?:{source} ="),
        # To make sound: what is asked for stands before the words, in examples and question alike.
        # An example of a text and its sound reads as one of a label and its sound does above.
        Template("pocket-say", demo="{source}:{target}\n", query="{source}:"),
        Template("pocket-last", demo="{source} ={target}\n", query="{source} ="),
        # arXiv 2406.10056, Appendix C, in the literal form of its released script: the next
        # example starts right after a label, and the space before a label belongs to the query.
        Template(
            "uniaudio15",
            demo="###\nInput: < {source} >\nOutput: {target}",
            query="###\nInput: < {source} >\nOutput: ",
            text_prefix="",
            instruction="For each of the following input output pairs, output is one of "
            "[{labels}]\n",
        ),
        # The same appendix, digit speech and text to sound: "an audio of k" in angle brackets goes
        # to the words. The form is theirs, the instruction says in our words what theirs asks.
        Template(
            "uniaudio15-speech",
            demo="< an audio of{source} >{target}\n",
            query="< an audio of{source} >",
            instruction="Learn a foreign language for the sounds below, then say what is asked.\n",
        ),
    )
}


def find_template(template: str | Template) -> Template:
    """The template of that name; a `Template` is passed through.

    Raises:
        SettingError: there is none of that name.
    """
    if isinstance(template, Template):
        return template
    if template not in TEMPLATES:
        raise SettingError(f"no template is called {template!r}; there are {sorted(TEMPLATES)}")
    return TEMPLATES[template]


def require_known(known: Sequence[str], **settings: Any) -> None:
    """Raise SettingError unless each of these settings is one of the values there are."""
    for name, value in settings.items():
        if value not in known:
            raise SettingError(f"{name} is {value!r}; expected one of {', '.join(known)}")
