"""Reconstruction and speed of codecs, measured on any audio and kept as records."""
