"""Few-shot learning with an unchanged language model that reads sound as words."""

from icl.learner import FewShotClassifier
from icl.prompt import TEMPLATES, Prompt, PromptError, Template

__all__ = ["TEMPLATES", "FewShotClassifier", "Prompt", "PromptError", "Template"]
