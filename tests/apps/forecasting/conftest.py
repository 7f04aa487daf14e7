"""Files of series that several tests read."""

import pytest

from tests.helpers.hourly_series import write_hours


@pytest.fixture(scope="session")
def hours(tmp_path_factory):
    return write_hours(tmp_path_factory.mktemp("series") / "hours.csv")
