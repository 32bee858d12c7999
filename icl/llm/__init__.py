"""Backends: an unchanged language model behind two verbs, `score` and `generate`.

They speak token ids only; audio and text stay outside. Import the backend you need from its
module, so that none costs anything before it is used.
"""

from icl.llm.base import LLM, Grammar

__all__ = ["LLM", "Grammar"]
