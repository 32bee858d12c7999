"""Training of the pocket language model: text in, a small causal LM out. It never sees audio."""
