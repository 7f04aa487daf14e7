"""How much memory is free, and what is said where that is too little."""

import pytest

from rnn_keras.utils import memory
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.memory import format_size, measure_free_memory, require_memory


def test_the_smallest_of_the_machine_and_the_container_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "CGROUPS", ())
    of_machine = measure_free_memory()
    assert of_machine is None or of_machine > 2**20
    (tmp_path / "limit").write_text("5000\n")
    (tmp_path / "use").write_text("4000\n")
    (tmp_path / "memory.stat").write_text("anon 1000\nactive_file 2000\ninactive_file 500\n")
    caches = ("active_file", "inactive_file")
    groups = [(tmp_path / "absent", "limit", "use", caches), (tmp_path, "limit", "use", caches)]
    monkeypatch.setattr(memory, "CGROUPS", groups)
    assert measure_free_memory() == 3500  # copies of files are given up
    (tmp_path / "limit").write_text("max\n")
    assert measure_free_memory() is None or measure_free_memory() > 2**20


def test_what_needs_more_than_is_free_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "measure_free_memory", lambda: 1000)
    require_memory(1000, "a", "b")
    with pytest.raises(UserError, match=r"^reading videos needs 2.0 GB of memory, and 1 kB are free; leave some out$"):
        require_memory(2_040_000_000, "videos", "leave some out")
    monkeypatch.setattr(memory, "measure_free_memory", lambda: None)
    require_memory(2**60, "a", "b")


def test_sizes_in_words():
    assert [format_size(size) for size in (0, 389_000, 999_600, 4e8, 2.04e9)] == [
        *("0 kB", "389 kB", "1 MB", "400 MB", "2.0 GB")
    ]
