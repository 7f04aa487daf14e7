"""A file with a small hourly series."""

import datetime

import numpy as np


def write_hours(path, hours=600, start=datetime.datetime(2024, 1, 1), seed=1):
    """An hourly series with a day's and a week's rhythm, as a CSV file."""
    generator, rows = np.random.default_rng(seed), ["time,load"]
    for hour in range(hours):
        time = start + datetime.timedelta(hours=hour)
        value = 20 + 5 * np.sin(2 * np.pi * hour / 24) + 2 * (time.weekday() >= 5) + generator.normal(0, 0.5)
        rows.append(f"{time:%Y-%m-%d %H:%M},{value:.3f}")
    path.write_text("\n".join(rows) + "\n")
    return path
