"""Audio as words of a frozen language model: encode, decode, and the words in between."""

from llm_codec.audio import AudioError
from llm_codec.codec import LLMCodec
from llm_codec.codes import Codes, CodesError
from llm_codec.config import CodecConfig
from llm_codec.vocabulary import Vocabulary, VocabularyError

__version__ = "0.1.0"

__all__ = [
    "AudioError",
    "CodecConfig",
    "Codes",
    "CodesError",
    "LLMCodec",
    "Vocabulary",
    "VocabularyError",
]
