"""Where the reference was looked for before, it still is."""

from icl import baseline
from llm_codec import mfcc


def test_the_reference_hears_what_the_codec_benchmark_hears():
    assert all(getattr(baseline, name) is getattr(mfcc, name) for name in baseline.__all__)
