"""Data sets by their TFDS name: an app's own builders beside the catalogue, and clear errors where a host is away."""

import contextlib
import dataclasses
import difflib
import importlib
import os
import queue
import re
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnn_keras.data.splits import SPLITS
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import require_unicode

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

CONNECT_SECONDS = 3.0
_BATCH = 1000


@dataclasses.dataclass(frozen=True)
class TFDSSource:
    """The data sets that `--dataset` may name: builders of the app's own, and the TFDS catalogue.

    Args:
        default: the name of a data set that needs no data host, to recommend where one cannot be reached.
        builders: of the app's own builders, the name and the module that registers it, such as
            `{"movie_snippets": "rnn_keras.data.movie_snippets"}`. The module is imported when the name is used, since
            it imports TensorFlow. They need no data host: their files come out of published packages.

    Example:
        >>> source = TFDSSource("movie_snippets", {"movie_snippets": "rnn_keras.data.movie_snippets"})
        >>> builder = source.prepare("movie_snippets")
        >>> for split, batch in read_splits(builder, "movie_snippets"): ...
    """

    default: str
    builders: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def is_path(self, dataset: str, suffixes: Sequence[str] = ()) -> bool:
        """Whether `--dataset` names a file or a folder, existing or not, rather than a data set.

        Args:
            dataset: what the user gave.
            suffixes: of files that are accepted, such as `.csv`.
        """
        path = Path(os.path.expanduser(dataset))
        looks = path.suffix.lower() in suffixes or path.is_absolute() or dataset.startswith((".", "~"))
        return looks or (bool(dataset) and os.path.exists(path) and not self.has_own_builder(dataset))

    def has_own_builder(self, name: str) -> bool:
        """Whether the name is that of one of the app's own builders."""
        return _family(name) in self.builders

    def check(self, name: str, data_dir: str | None = None) -> None:
        """Refuses a name that is unknown, or whose data are neither prepared nor reachable.

        Raises:
            UserError: as `prepare` does, but nothing is fetched or prepared.
        """
        if self.has_own_builder(name):
            return
        builder = self._create(name, data_dir)
        if not builder.is_prepared():
            self._require_reachable(builder, name)

    def is_there(self, dataset: str, data_dir: str | None = None) -> bool:
        """Whether data can be read without fetching or preparing anything.

        Args:
            dataset: a file, a folder, or a name.
            data_dir: TFDS's data directory.

        Raises:
            UserError: the name is unknown.
        """
        path = Path(os.path.expanduser(dataset))
        return path.exists() if self.is_path(dataset) else self._create(dataset, data_dir).is_prepared()

    def prepare(self, name: str, data_dir: str | None = None, *, download: bool = True) -> "tfds.core.DatasetBuilder":
        """The TFDS builder of that name with its data on the disk.

        Args:
            name: `NAME`, `NAME/CONFIG` or either with `:VERSION`.
            data_dir: TFDS's data directory; default: TFDS's own.
            download: whether data that are not there may be fetched.

        Raises:
            UserError: the name, its configuration or version is unknown, or the data are not there and cannot be
                fetched.
        """
        builder = self._create(name, data_dir)
        if builder.is_prepared():
            return builder
        if not download:
            raise UserError(
                f"{name} is not prepared in {builder.data_dir} and downloading was not allowed: "
                "name the folder that holds it with --data-dir, or allow the download"
            )
        if not self.has_own_builder(name):
            self._require_reachable(builder, name)
        _download_and_prepare(builder, name)
        return builder

    def _create(self, name: str, data_dir: str | None) -> "tfds.core.DatasetBuilder":
        import tensorflow_datasets as tfds
        from google.protobuf.json_format import ParseError

        if data_dir is not None:
            require_unicode(data_dir, "--data-dir")
        family = _family(name)
        if family in self.builders:
            importlib.import_module(self.builders[family])
        elif family not in tfds.list_builders(with_community_datasets=False):
            known = sorted({self.default, *self.builders, *tfds.list_builders(with_community_datasets=False)})
            close = difflib.get_close_matches(family, known, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else f"packaged: {self.default}"
            raise UserError(
                f"unknown dataset {name!r}: expected a file or folder that exists, a packaged data set, or a name of "
                f"the TFDS catalogue; {hint}"
            )
        try:
            return tfds.builder(name, data_dir=data_dir, try_gcs=False)
        # TFDS answers an unknown configuration with ValueError, an unknown version with AssertionError.
        except (ValueError, AssertionError, ImportError, KeyError, RuntimeError) as error:
            raise UserError(f"TFDS cannot make {name!r}: {_shorten_reason(error)}") from error
        except ParseError as error:
            where = data_dir or "TFDS's data directory"
            raise UserError(
                f"the prepared data of {name} in {where} are damaged ({_shorten_reason(error)}); remove its folder "
                "there and run again"
            ) from error

    def _require_reachable(self, builder: "tfds.core.DatasetBuilder", name: str) -> None:
        """Asks the hosts of the data whether they answer, since TFDS itself would retry a dead one for minutes."""
        urls = {}
        for url, info in (builder.url_infos or {}).items():
            parts = urllib.parse.urlsplit(url)
            if parts.scheme in ("http", "https"):
                urls.setdefault(parts.netloc, (url, info.size))
        if urls and not _any_answers([url for url, _ in urls.values()]):
            url, size = next(iter(urls.values()))
            raise UserError(
                f"{name} is not prepared in {builder.data_dir} and {url} ({size}) cannot be reached: connect to the "
                f"network, name a folder that holds the prepared data with --data-dir, or use the packaged data set "
                f"{self.default}"
            )


def read_splits(
    builder: "tfds.core.DatasetBuilder",
    name: str,
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    decoders: dict[str, Any] | None = None,
    batch_size: int = _BATCH,
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yields `(split, batch)` of the prepared train, validation and test splits, in the order of the data.

    A batch is a dict of NumPy arrays `(n, ...)`; of Text features, of bytes.

    Args:
        builder: of `TFDSSource.prepare`.
        name: what the user called the data.
        prepare: is called on each example, whose features it must bring to one shape, such as images of different
            sizes.
        decoders: by feature, how TFDS decodes it, if not as usual; see `tfds.decode`.
        batch_size: examples of a batch.

    Raises:
        UserError: the prepared data are damaged.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    for split in SPLITS:
        if split not in builder.info.splits:
            continue
        load: Any = builder.as_dataset
        dataset = load(split=split, shuffle_files=False, decoders=decoders)
        if prepare is not None:
            dataset = dataset.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
        try:
            for batch in tfds.as_numpy(dataset.batch(batch_size)):
                yield split, batch
        except tf.errors.OpError as error:
            raise UserError(
                f"the prepared {split} split of {name} in {builder.data_dir} cannot be read ({error.message}); it is "
                "damaged, remove the folder and run again"
            ) from error


def describe_features(features: Mapping[str, Any]) -> str:
    """The features of a TFDS data set with what they are, and what a label that is only a number lacks.

    Example:
        >>> describe_features(builder.info.features)
        'its features are text (Text) and label (int64); a label must be a tfds.features.ClassLabel, which ...'
    """
    import tensorflow_datasets as tfds

    kinds, numbers = {}, []
    for key, feature in features.items():
        inner: Any = getattr(feature, "feature", feature)
        kinds[key] = type(inner).__name__
        if type(inner) in (tfds.features.Scalar, tfds.features.Tensor):
            kinds[key] = " ".join([np.dtype(inner.np_dtype).name, *(str(inner.shape) for _ in inner.shape[:1])])
            if not inner.shape and np.dtype(inner.np_dtype).kind in "iub":
                numbers.append(key)
    found = ", ".join(f"{key} ({kind})" for key, kind in list(kinds.items())[:10]) or "none"
    sentence = f"its features are {found}" + (f" ... ({len(kinds)} in all)" if len(kinds) > 10 else "")
    if numbers and "ClassLabel" not in kinds.values():
        sentence += (
            f"; {' or '.join(numbers)} is a number, and a label must be a tfds.features.ClassLabel, which names its "
            "classes: declare it so in the builder, and prepare the data set again"
        )
    return sentence


def _family(name: str) -> str:
    return name.split("/")[0].split(":")[0]


def _any_answers(urls: list[str], seconds: float = CONNECT_SECONDS) -> bool:
    """Whether anything but a failing proxy answers at one of the URLs, through the environment's proxies."""
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask(url: str) -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds):
                answers.put(True)
        except urllib.error.HTTPError as error:
            answers.put(error.code not in (407, 502, 503, 504))  # the host itself may well refuse HEAD
        except (OSError, ValueError):
            answers.put(False)

    # In threads that may be abandoned: looking up a host's name has no timeout.
    for url in urls:
        threading.Thread(target=ask, args=(url,), daemon=True).start()
    end = time.monotonic() + seconds + 0.5
    for _ in urls:
        try:
            if answers.get(timeout=max(0.0, end - time.monotonic())):
                return True
        except queue.Empty:
            return False
    return False


def _download_and_prepare(builder: "tfds.core.DatasetBuilder", name: str) -> None:
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    print(f"preparing {name} in {builder.data_dir} ...", file=sys.stderr, flush=True)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for the command's result
            builder.download_and_prepare()
    except UserError:
        raise
    except Exception as error:  # downloads, archives, disks and missing extras each fail in their own way
        if builder.is_prepared():  # by another process in the meantime
            return
        raise UserError(
            f"TFDS could not prepare {name} in {builder.data_dir} ({type(error).__name__}: {_shorten_reason(error)}): "
            "correct that and try again, or name a folder that holds the prepared data with --data-dir"
        ) from error


def _shorten_reason(error: BaseException) -> str:
    """TFDS's own message in one line, without the call that it begins with."""
    words = " ".join(str(error).split()) or type(error).__name__
    return textwrap.shorten(re.sub(r'^Failed to construct dataset .*?builder_kwargs ".*?": ', "", words), 300)
