"""Whether the sums of a config are available, without TensorFlow."""

import os
from pathlib import Path

from apps.addition.config import AdditionConfig
from rnn_keras.data.delimited_files import require_regular
from rnn_keras.data.tables import check_columns


def check_source(config: AdditionConfig) -> None:
    """Refuses data that are not available.

    Raises:
        UserError: neither generated nor a file with the columns.
    """
    if config.dataset != "generated":
        path = Path(os.path.expanduser(config.dataset))
        named = ",".join(config.file_columns.values())
        require_regular(path, f"expected generated, or a .csv or .tsv file with the columns {named}")
        check_columns(path, config.file_columns)
