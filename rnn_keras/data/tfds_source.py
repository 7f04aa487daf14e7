"""Data by their TFDS name: the project's own builders beside the catalogue, and a word in time where a host is away."""

import contextlib
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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnn_keras.data.splits import SPLITS
from rnn_keras.utils.errors import UserError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

# Imported only when named, since importing a builder imports TensorFlow.
LOCAL_BUILDERS = {
    "movie_snippets": "rnn_keras.data.movie_snippets",
    "moving_digits": "apps.video_tagging.moving_digits",
    "hsk_sentences": "apps.translation.hsk_sentences",
    "openmoji_captions": "apps.captioning.openmoji_captions",
}
CONNECT_SECONDS = 3.0
_EXAMPLES_AT_ONCE = 1000


def is_local(name: str) -> bool:
    """Whether the name is that of a builder of this project, which needs no data host."""
    return _family(name) in LOCAL_BUILDERS


def means_path(dataset: str, suffixes: Sequence[str] = ()) -> bool:
    """Whether `--dataset` names a file or a folder, there or not, rather than a TFDS data set.

    Args:
        suffixes: the endings of files that would be taken, such as `.csv`.
    """
    path = Path(os.path.expanduser(dataset))
    looks = path.suffix.lower() in suffixes or path.is_absolute() or dataset.startswith((".", "~"))
    return looks or (bool(dataset) and os.path.exists(path) and not is_local(dataset))


def batches_of_splits(
    builder: "tfds.core.DatasetBuilder",
    name: str,
    prepare: Callable[[dict], dict] | None = None,
    decoders: dict | None = None,
    at_once: int = _EXAMPLES_AT_ONCE,
) -> Iterator[tuple[str, dict]]:
    """Yields `(split, batch)` of the prepared train, validation and test splits, in the data's own order.

    A batch is a dict of NumPy arrays `(n, ...)`; of Text features, of bytes.

    Args:
        prepare: is called on each example, which it must bring to one shape, as images of different sizes.
        decoders: by feature, how TFDS decodes it otherwise than usual; see `tfds.decode`.
        at_once: examples a batch.

    Raises:
        UserError: the prepared data are damaged.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    for split in SPLITS:
        if split not in builder.info.splits:
            continue
        dataset = builder.as_dataset(split=split, shuffle_files=False, decoders=decoders)
        if prepare is not None:
            dataset = dataset.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
        try:
            for batch in tfds.as_numpy(dataset.batch(at_once)):
                yield split, batch
        except tf.errors.OpError as error:
            raise UserError(
                f"the prepared {split} split of {name} in {builder.data_dir} cannot be read ({error.message}); it is "
                "damaged, remove the folder and run again"
            ) from error


def prepared_builder(
    name: str, data_dir: str | None = None, *, download: bool = True, default: str = "movie_snippets"
) -> "tfds.core.DatasetBuilder":
    """The TFDS builder of that name with its data on the disk.

    Args:
        name: `NAME`, `NAME/CONFIG` or either with `:VERSION`.
        data_dir: TFDS's data directory; default: TFDS's own.
        download: whether data that are not there may be fetched.
        default: the packaged data to recommend where a host cannot be reached.

    Raises:
        UserError: the name, its configuration or version is unknown, or the data are not there and cannot be
            fetched.
    """
    builder = _builder(name, data_dir, default)
    if builder.is_prepared():
        return builder
    if not download:
        raise UserError(
            f"{name} is not prepared in {builder.data_dir} and downloading was not allowed: "
            "name the folder that holds it with --data-dir, or allow the download"
        )
    if not is_local(name):
        _require_reachable(builder, name, default)
    _prepare(builder, name)
    return builder


def require_within_reach(name: str, data_dir: str | None = None, *, default: str = "movie_snippets") -> None:
    """Refuses a name that is unknown, or whose data are neither prepared nor within reach.

    Raises:
        UserError: as `prepared_builder` does, without fetching or preparing anything.
    """
    if is_local(name):
        return
    builder = _builder(name, data_dir, default)
    if not builder.is_prepared():
        _require_reachable(builder, name, default)


def _family(name: str) -> str:
    return name.split("/")[0].split(":")[0]


def _builder(name: str, data_dir: str | None, default: str) -> "tfds.core.DatasetBuilder":
    import tensorflow_datasets as tfds
    from google.protobuf.json_format import ParseError

    family = _family(name)
    if family in LOCAL_BUILDERS:
        importlib.import_module(LOCAL_BUILDERS[family])
    elif family not in tfds.list_builders(with_community_datasets=False):
        known = sorted({default, *LOCAL_BUILDERS, *tfds.list_builders(with_community_datasets=False)})
        close = difflib.get_close_matches(family, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else f"packaged: {default}"
        raise UserError(
            f"unknown dataset {name!r}: expected a file or folder that exists, a packaged data set, or a name of the "
            f"TFDS catalogue; {hint}"
        )
    try:
        return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    # TFDS answers an unknown configuration with ValueError, an unknown version with AssertionError.
    except (ValueError, AssertionError, ImportError, KeyError, RuntimeError) as error:
        raise UserError(f"TFDS cannot make {name!r}: {_reason(error)}") from error
    except ParseError as error:
        where = data_dir or "TFDS's data directory"
        raise UserError(
            f"the prepared data of {name} in {where} are damaged ({_reason(error)}); remove its folder there and run "
            "again"
        ) from error


def _require_reachable(builder: "tfds.core.DatasetBuilder", name: str, default: str) -> None:
    """Asks the hosts of the data whether they are there, since TFDS itself would try a dead one for minutes."""
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
            f"{default}"
        )


def _any_answers(urls: list[str], seconds: float = CONNECT_SECONDS) -> bool:
    """Whether anything but a failing proxy answers at one of the addresses, through the environment's proxies."""
    answers = queue.SimpleQueue()

    def ask(url):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds):
                answers.put(True)
        except urllib.error.HTTPError as error:
            answers.put(error.code not in (407, 502, 503, 504))  # the host itself may well refuse HEAD
        except (OSError, ValueError):
            answers.put(False)

    # In threads that may be left behind: looking up a host's name knows no time limit.
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


def _prepare(builder: "tfds.core.DatasetBuilder", name: str) -> None:
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    print(f"preparing {name} in {builder.data_dir} ...", file=sys.stderr, flush=True)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for the command's result
            builder.download_and_prepare()
    except UserError:
        raise
    except Exception as error:  # downloads, archives, disks and missing extras each fail in their own way
        if builder.is_prepared():  # another process was quicker
            return
        raise UserError(
            f"TFDS could not prepare {name} in {builder.data_dir} ({type(error).__name__}: {_reason(error)}): "
            "mend that and try again, or name a folder that holds the prepared data with --data-dir"
        ) from error


def _reason(error: BaseException) -> str:
    """TFDS's own words in one line, without the call that they begin with."""
    words = " ".join(str(error).split()) or type(error).__name__
    return textwrap.shorten(re.sub(r'^Failed to construct dataset .*?builder_kwargs ".*?": ', "", words), 300)
