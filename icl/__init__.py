"""Few-shot learning with an unchanged language model that reads sound as words."""

from icl.generator import FewShotGenerator
from icl.learner import FewShotClassifier
from icl.prompt import Prompt
from icl.template import TEMPLATES, PromptError, Template

__all__ = [
    "TEMPLATES", "FewShotClassifier", "FewShotGenerator", "Prompt", "PromptError", "Template",
]
