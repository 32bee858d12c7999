"""Codecs by the text that names them, such as ``pocket``, ``opus@6`` or ``transformers:ID@1.5``."""

from __future__ import annotations

import re

from llm_codec.bench.codecs.base import Codec, Encoded, Missing, SpecError
from llm_codec.bench.codecs.sanity import Identity, MuLaw

__all__ = ["Codec", "Encoded", "Missing", "SpecError", "load"]

SANITY = {"identity": Identity, "mulaw": MuLaw}


def load(spec: str) -> Codec:
    """The codec that a text names.

    Args:
        spec: ``identity``; ``mulaw``; ``opus@KBIT/S``; ``codec2@BIT/S``; ``speex@KBIT/S``;
            ``transformers:FOLDER_OR_ID@N`` (EnCodec at N kbit/s, DAC or Mimi with N codebooks);
            ``dac:WEIGHTS.pth@N`` of the package descript-audio-codec, N codebooks;
            ``snac:FOLDER_OR_ID``; else an `LLMCodec` by preset, folder or hub id, ``@N`` for its
            N leading scales. ``@N`` may be left out where there is a usual value.

    Raises:
        SpecError: it names nothing, or a rate that the codec does not have.
        CheckpointError: an `LLMCodec` of that name is not there.
        Missing: it needs a tool, a package or weights that are not here.
    """
    body, rate = _rate(spec)
    family, _, target = body.partition(":")
    if body in SANITY:
        return SANITY[body](spec)
    if body in ("opus", "codec2", "speex"):
        from llm_codec.bench.codecs import debian

        return debian.load(spec, body, rate)
    if family in ("transformers", "dac", "snac") and target:
        return _neural(spec, family, target, rate)
    from llm_codec.bench.codecs.words import Words
    from llm_codec.codec import LLMCodec

    if rate is not None and not rate.is_integer():
        raise SpecError(f"{spec}: expected a whole number of scales after @")
    scales = None if rate is None else int(rate)
    return Words(spec, LLMCodec.from_pretrained(body), scales)


def _neural(spec: str, family: str, target: str, rate: float | None) -> Codec:
    if family == "transformers":
        from llm_codec.bench.codecs import hub

        return hub.load(spec, target, rate)
    from llm_codec.bench.codecs import packages

    return packages.LOADERS[family](spec, target, rate)


def _rate(spec: str) -> tuple[str, float | None]:
    """The text before ``@NUMBER``, and the number."""
    found = re.fullmatch(r"(.+)@(\d+(?:\.\d+)?)", spec)
    return (found[1], float(found[2])) if found else (spec, None)
