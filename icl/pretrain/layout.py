"""Which directions of the pocket model's residual stream hold what, before training moves them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LOOK_BACK = 4  # tokens before a word that are gathered at it
NORM = 24.0  # squared length of a word: its core as it is, its identity as long as that leaves
_SKETCHES = 4  # of identities: previous token, name of the line, vote, answer


@dataclass(frozen=True)
class Layout:
    """Runs of directions, as slices; the first three hold an embedding, the others start empty.

    Args:
        width: of the residual stream, E.
        core: directions of the space in which strings of words are near or far.

    Raises:
        ValueError: the width leaves no room.
    """

    width: int
    core: int

    def __post_init__(self) -> None:
        if self.sketch < 4:
            least = 4 * (2 * _SKETCHES + 1) + self.core * (1 + LOOK_BACK) + 3
            raise ValueError(f"width is {self.width} but a core of {self.core} needs {least}")

    @property
    def sketch(self) -> int:
        """Directions of a shortened identity: enough to tell a label from all others."""
        return (self.width - self.core * (1 + LOOK_BACK) - 3) // (2 * _SKETCHES + 1)

    @property
    def meaning(self) -> slice:
        """Core: the point of a word in the space of strings."""
        return slice(0, self.core)

    @property
    def identity(self) -> slice:
        """What else tells a token from all others."""
        return slice(self.core, self.constant)

    @property
    def constant(self) -> int:
        """The same in every token: what positional heads hold on to."""
        return self.width - _SKETCHES * self.sketch - self.core * LOOK_BACK - 3

    @property
    def mark(self) -> int:
        """1 in tokens that are no words: what stands between strings, labels and lines."""
        return self.constant + 1

    @property
    def length(self) -> int:
        """Squared length of the words here and before: turns products into distances."""
        return self.constant + 2

    def before(self, back: int) -> slice:
        """Core of the word ``back`` (1 .. LOOK_BACK) tokens before."""
        start = self.constant + 3 + (back - 1) * self.core
        return slice(start, start + self.core)

    def _sketch(self, number: int) -> slice:
        start = self.width - (_SKETCHES - number) * self.sketch
        return slice(start, start + self.sketch)

    @property
    def previous(self) -> slice:
        """Sketch of the token before."""
        return self._sketch(0)

    @property
    def name(self) -> slice:
        """Sketch of the token before the last mark: the label a line begins with."""
        return self._sketch(1)

    @property
    def vote(self) -> slice:
        """Sketch of the name of the line that a word is most like."""
        return self._sketch(2)

    @property
    def answer(self) -> slice:
        """Sketch of the token to say next."""
        return self._sketch(3)

    def sketcher(self) -> np.ndarray:
        """Fixed random projection of identities, (sketch, identity) float32."""
        size = self.constant - self.core
        square = np.random.default_rng(5).standard_normal((size, self.sketch))
        return (2.0 * np.linalg.qr(square)[0].T).astype(np.float32)

    def embeddings(self, vectors: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Place word vectors: the core first, then the identity, then constant and mark.

        Args:
            vectors: (V, N) float, columns in falling order of importance.
            words: (W,) token ids of whole words; each of the first ``core`` columns gets unit
                variance over them.

        Returns:
            (V, E) float32.
        """
        found = np.zeros((len(vectors), self.width), np.float32)
        known = min(vectors.shape[1], self.constant)
        vectors = vectors[:, :known]  # beyond, those of an earlier model do not vary
        found[:, :known] = (vectors - vectors[words].mean(axis=0)) / vectors[words].std(axis=0)
        rest = np.random.default_rng(6).standard_normal((len(vectors), self.constant - known))
        found[:, known : self.constant] = rest
        core = np.square(found[:, self.meaning]).sum(axis=1)
        identity = np.square(found[:, self.identity]).sum(axis=1)
        scale = np.sqrt(np.maximum(NORM - core, 4.0) / np.maximum(identity, 1e-6))
        found[:, self.identity] *= scale[:, None]
        found[:, self.constant] = 1.0
        found[:, self.mark] = 1.0
        found[words, self.mark] = 0.0
        return found
