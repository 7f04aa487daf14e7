"""TFDS builder of the hourly traffic on a motorway, from a published package: the forecasting app's default data."""

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from rnn_keras.data.package_files import PackageFile
from rnn_keras.data.packaged_builder import PackagedBuilder
from rnn_keras.data.splits import SPLITS
from rnn_keras.utils.errors import UserError

FILE = PackageFile(
    package="autots",
    version="1.0.4",
    sha256="aa19ca3b5f57aeddd1b8ae4ebf7f4bed3bc0b093ed56193fb461c7cb3910f716",
    member="autots/datasets/data/traffic_hourly.zip",
    licence="MIT (the package); the data are CC BY 4.0",
    megabytes=1.5,
)
NUMBERS = ("traffic_volume", "temp", "rain_1h", "snow_1h", "clouds_all")
SHARES = (0.7, 0.1, 0.2)  # of the hours, in their order
LARGEST = 16 * 2**20  # bytes of the table

_DESCRIPTION = """
The vehicles of each hour that went west on Interstate 94 between Minneapolis and St Paul, from 2016-10-01 to
2018-09-30, with the weather: temperature in kelvin, rain and snow in mm, clouds in percent, and a word. 17,520 hours
without a hole in the clock; in 104 of them the values are missing (NaN). The first 70 % are for training, the next 10 %
for validation, and the last 20 % for the test.
"""

_CITATION = """
@misc{hogue2019metro,
  title={Metro Interstate Traffic Volume}, author={Hogue, John}, year={2019},
  howpublished={UCI Machine Learning Repository}, doi={10.24432/C5X60B}
}
"""


class TrafficHourly(PackagedBuilder):
    """`traffic_hourly`: `time`, five numbers and `weather_main` of each hour, in train, validation and test."""

    FILES: ClassVar = {"table": FILE}

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {
                    "time": tfds.features.Text(),
                    **{name: tfds.features.Scalar(np.float64) for name in NUMBERS},
                    "weather_main": tfds.features.Text(),
                }
            ),
            homepage="https://archive.ics.uci.edu/dataset/492/metro+interstate+traffic+volume",
            citation=_CITATION,
            license=FILE.licence,
            disable_shuffling=True,
        )

    def _generate_examples(self, paths, split: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yields `(hour, example)` of a split, in the order of the hours."""
        rows = read_rows(paths["table"])
        first = round(sum(SHARES[: SPLITS.index(split)]) * len(rows))
        end = round(sum(SHARES[: SPLITS.index(split) + 1]) * len(rows))
        for number in range(first, end):
            yield number, rows[number]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of the table inside the zip file.

    Raises:
        UserError: it holds something else.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as stream:
            text = stream.read(LARGEST).decode("utf-8")
        rows = list(csv.DictReader(io.StringIO(text)))
        return [
            {
                "time": next(iter(row.values())),
                **{name: float(row[name] or "nan") for name in NUMBERS},
                "weather_main": row["weather_main"] or "",
            }
            for row in rows
        ]
    except (zipfile.BadZipFile, IndexError, KeyError, ValueError) as error:
        raise UserError(f"{path} is not the table of {FILE}: {error}; remove it and run again") from error
