"""What is drawn is what was counted."""

import numpy as np

from rnn_keras.training import plots


def test_a_confusion_matrix_shows_the_counts(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "save", lambda figure, path: drawn.append(figure))
    plots.confusion_matrix(np.array([0, 0, 0, 2]), np.array([0, 1, 0, 0]), ["a", "b", "c"], tmp_path / "x.png")

    (axis,) = drawn[0].axes
    counts = {text.get_position(): text.get_text() for text in axis.texts}  # (column: taken for, row: truly)
    assert counts == {(0, 0): "2", (1, 0): "1", (0, 2): "1"}
    np.testing.assert_allclose(axis.images[0].get_array(), [[2 / 3, 1 / 3, 0], [0, 0, 0], [1, 0, 0]])
    assert [label.get_text() for label in axis.get_xticklabels()] == ["a", "b", "c"]
