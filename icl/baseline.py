"""The features of the reference that needs no language model; see `llm_codec.mfcc`."""

from llm_codec.mfcc import COEFFICIENTS, FRAMES, mfcc

__all__ = ["COEFFICIENTS", "FRAMES", "mfcc"]
