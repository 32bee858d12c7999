"""Training of a codec around the words of a frozen LLM."""
