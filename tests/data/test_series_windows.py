import numpy as np
import pytest

from rnn_keras.data.series_windows import load_series_windows, read_last_window
from rnn_keras.utils.errors import UserError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "load.csv"
    path.write_text("time,load\n" + "".join(f"{hour},{hour / 2}\n" for hour in range(200)))
    return path


def test_windows_of_a_part_are_in_this_part_alone(file):
    data = load_series_windows(str(file), "load", window=5, horizon=3)
    for split, first, last in (("train", 0, 160), ("validation", 160, 180), ("test", 180, 200), ("all", 0, 200)):
        past, future = data.windows(split)
        starts = np.arange(first, last - 7)
        np.testing.assert_array_equal(past[..., 0], (starts[:, None] + np.arange(5)) / 2)
        np.testing.assert_array_equal(future, (starts[:, None] + 5 + np.arange(3)) / 2)
    [(past, future)] = list(data.validation_dataset())
    assert past.shape == (13, 5, 1) and future.shape == (13, 3)
    assert [len(part) for part in data.sample("test", 4)] == [4, 4]


def test_too_few_rows_and_other_columns_are_a_sentence(file):
    with pytest.raises(UserError, match=r"has 200 rows.*expected 300 rows or more"):
        load_series_windows(str(file), "load", window=20, horizon=10)
    with pytest.raises(UserError, match="value"):
        load_series_windows(str(file), "value", window=5, horizon=3)


def test_the_last_window_of_a_file(file):
    np.testing.assert_array_equal(read_last_window(str(file), "load", 4), [[98], [98.5], [99], [99.5]])
    with pytest.raises(UserError, match=r"has 200 rows; expected 201 or more"):
        read_last_window(str(file), "load", 201)
