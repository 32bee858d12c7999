"""Commands of ``icl``: a module each, with `add` (its arguments) and a function that runs it."""
