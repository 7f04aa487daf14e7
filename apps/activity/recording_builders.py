"""Recordings of a TFDS data set, by default the packaged one."""

from typing import Any

import numpy as np

from apps.activity.source_recordings import SourceRecordings
from rnn_keras.data.splits import SPLITS
from rnn_keras.data.tfds_source import TFDSSource, describe_features
from rnn_keras.utils.errors import UserError

DEFAULT = "shoulder_exercises"
SOURCE = TFDSSource(DEFAULT, {DEFAULT: "apps.activity.shoulder_exercises"})


def read_builder(name: str, data_dir: str | None) -> SourceRecordings:
    """The recordings of a TFDS data set with `signals (T, channels)`, a `label` and, optionally, a `person`.

    Raises:
        UserError: the data are not available, or do not have this form.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    builder = SOURCE.prepare(name, data_dir)
    features: Any = builder.info.features
    signals, label = (dict(features).get(key) for key in ("signals", "label"))
    if not isinstance(label, tfds.features.ClassLabel) or signals is None or len(signals.shape) != 2:
        raise UserError(
            f"{name} does not hold recordings: expected signals (T, channels), a class label called label and, "
            f"optionally, person; {describe_features(features)}"
        )
    metadata: Any = builder.info.metadata or {}
    found = SourceRecordings([], [], [], [], [], list(metadata.get("channels", range(1, signals.shape[1] + 1))), [])
    found.channels[:] = map(str, found.channels)
    for split in SPLITS:
        if split not in builder.info.splits:
            continue
        load: Any = builder.as_dataset
        try:
            for number, example in enumerate(load(split=split, shuffle_files=False).as_numpy_iterator()):
                person = example["person"].decode() if "person" in example else None
                found.names.append(f"{split} {number}" + (f" (person {person})" if person else ""))
                found.people.append(person)
                found.signals.append(example["signals"].astype(np.float32))
                found.labels.append(np.full(len(example["signals"]), label.int2str(int(example["label"])), object))
                found.named_splits.append(split)
        except tf.errors.OpError as error:
            raise UserError(
                f"the prepared {split} split of {name} in {builder.data_dir} cannot be read ({error.message}); it is "
                "damaged, remove the folder and run again"
            ) from error
    return found
