"""Directions of the residual stream are laid out without overlap, and words are placed in them."""

import numpy as np
import pytest

from icl.pretrain.layout import LOOK_BACK, Layout


@pytest.mark.parametrize(("width", "core"), [(256, 8), (64, 4), (128, 12)])
def test_the_runs_cover_the_width_once(width, core):
    layout = Layout(width, core)
    runs = [layout.meaning, layout.identity, layout.previous, layout.name, layout.vote,
            layout.answer, *(layout.before(back) for back in range(1, LOOK_BACK + 1))]
    seen = [at for run in runs for at in range(run.start, run.stop)]
    assert sorted([*seen, layout.constant, layout.mark, layout.length]) == list(range(width))


def test_a_width_without_room_is_refused():
    with pytest.raises(ValueError, match="width is 40 but a core of 8 needs"):
        Layout(40, 8)


@pytest.mark.parametrize("columns", [16, 400])
def test_words_keep_the_distances_of_their_first_directions(columns):
    layout, rng = Layout(64, 4), np.random.default_rng(0)
    vectors = rng.standard_normal((50, columns)) * np.linspace(9, 1, columns) + 3
    words = np.arange(10, 50)
    table = layout.embeddings(vectors, words)
    assert table.shape == (50, 64) and table.dtype == np.float32
    core = table[words][:, layout.meaning]
    given = vectors[words][:, :4]
    assert np.allclose(core, (given - given.mean(axis=0)) / given.std(axis=0), atol=1e-4)
    assert (table[:, layout.constant] == 1).all()
    assert (table[words, layout.mark] == 0).all() and (table[:10, layout.mark] == 1).all()
    assert (table[:, layout.previous.start :] == 0).all() and (table[:, layout.length] == 0).all()


def test_a_sketch_keeps_identities_apart():
    layout = Layout(256, 8)
    table = layout.embeddings(np.random.default_rng(0).standard_normal((300, 256)), np.arange(300))
    sketches = table[:, layout.identity] @ layout.sketcher().T
    near = sketches @ sketches.T
    assert (near.argmax(axis=1) == np.arange(300)).mean() > 0.9
