"""TFDS builder of shoulder exercises that a smartwatch recorded: the default data of the app."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from apps.activity.number_pickle import load_number_pickle
from apps.activity.people import assign_people
from rnn_keras.data.package_files import PackageFile
from rnn_keras.data.packaged_builder import PackagedBuilder

FILE = PackageFile(
    package="seglearn",
    version="1.2.5",
    sha256="ec6b952c85c9627050102854b372d85951563d3b990df677d7c55547e87413dd",
    member="seglearn/data/watch_dataset.npy",
    licence="BSD-3-Clause",
    megabytes=11.3,
)

CHANNELS = ("ax", "ay", "az", "wx", "wy", "wz")
EXERCISES = ("PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW")

_DESCRIPTION = """
140 recordings of a watch on the wrist: seven exercises of physiotherapy for the shoulder, done by ten healthy people
with each arm, some twenty repetitions a recording. Acceleration (ax, ay, az, in units of gravity) and angular velocity
(wx, wy, wz, in radians a second), 50 samples a second, 19 to 52 seconds. The exercises are pendulum, abduction, forward
elevation, internal rotation, external rotation, trapezius extension and row. No person is in two splits: six train, two
validate and two test.
"""

_CITATION = """
@article{burns2018shoulder,
  title={Shoulder physiotherapy exercise recognition: machine learning the inertial signals from a smartwatch},
  author={Burns, David M and Leung, Nathan and Hardisty, Michael and Whyne, Cari M and Henry, Patrick and McLachlin, Stewart},
  journal={Physiological Measurement}, volume={39}, number={7}, year={2018}
}
"""  # noqa: E501


class ShoulderExercises(PackagedBuilder):
    """`signals (T, 6)` float32, `label`, one of seven exercises, `person` and `arm`."""

    FILES: ClassVar = {"recordings": FILE}

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {
                    "signals": tfds.features.Tensor(shape=(None, len(CHANNELS)), dtype=np.float32, encoding="zlib"),
                    "label": tfds.features.ClassLabel(names=EXERCISES),
                    "person": tfds.features.Text(),
                    "arm": tfds.features.Text(),
                }
            ),
            supervised_keys=("signals", "label"),
            homepage="https://github.com/dmbee/seglearn",
            citation=_CITATION,
            license=FILE.licence,
            metadata=tfds.core.MetadataDict(channels=list(CHANNELS), rate=50),
        )

    def _generate_examples(  # pyright: ignore[reportIncompatibleMethodOverride], TFDS's own has no annotation
        self, paths: dict[str, Path], split: str
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yields `(number, example)` of the people of a split."""
        stored = load_number_pickle(paths["recordings"])
        people = [str(number) for number in stored["subject"]]
        splits = assign_people(people)
        for number, signals in enumerate(stored["X"]):
            if splits[people[number]] == split:
                yield (
                    number,
                    {
                        "signals": signals.astype(np.float32),
                        "label": stored["y_labels"][int(stored["y"][number])],
                        "person": people[number],
                        "arm": "right" if stored["side"][number] else "left",
                    },
                )
