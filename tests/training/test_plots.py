"""Figures show what was counted."""

import matplotlib.pyplot as plt
import numpy as np

from rnn_keras.training.plots import plot_confusion_matrix, plot_learning_curves, plot_lengths, save_figure


def test_a_confusion_matrix_shows_the_counts():
    figure = plot_confusion_matrix(np.array([0, 0, 0, 2]), np.array([0, 1, 0, 0]), ["a", "b", "c"])

    (axis,) = figure.axes
    counts = {text.get_position(): text.get_text() for text in axis.texts}  # (column: predicted, row: true)
    assert counts == {(0, 0): "2", (1, 0): "1", (0, 2): "1"}
    np.testing.assert_allclose(axis.images[0].get_array(), [[2 / 3, 1 / 3, 0], [0, 0, 0], [1, 0, 0]])
    assert [label.get_text() for label in axis.get_xticklabels()] == ["a", "b", "c"]
    plt.close(figure)


def test_learning_curves_show_training_beside_validation():
    rows = [{"epoch": number, "loss": 1 / number, "val_loss": 2 / number, "seconds": 1.0} for number in (1, 2, 3)]
    figure = plot_learning_curves(rows, best_epoch=2)

    (axis,) = figure.axes
    assert axis.get_title() == "loss"
    curves = {line.get_label(): line.get_ydata() for line in axis.lines}
    np.testing.assert_allclose(curves["training"], [1, 1 / 2, 1 / 3])
    np.testing.assert_allclose(curves["validation"], [2, 1, 2 / 3])
    assert list(axis.lines[-1].get_xdata()) == [2, 2]  # the best epoch
    plt.close(figure)


def test_a_saved_figure_is_a_file_and_closed(tmp_path):
    figure = plot_lengths([1, 2, 2, 7])
    counts = [bar.get_height() for bar in figure.axes[0].patches]
    assert counts == [0, 1, 2, 0, 0, 0, 0, 1]
    save_figure(figure, tmp_path / "plots" / "lengths.png")
    assert (tmp_path / "plots" / "lengths.png").read_bytes().startswith(b"\x89PNG")
    assert not plt.fignum_exists(figure.number)
