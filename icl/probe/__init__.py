"""What a language model learns from its prompt alone, asked in text."""
