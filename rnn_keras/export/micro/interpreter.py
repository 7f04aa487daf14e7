"""A LiteRT file at work in tflite-micro's own interpreter, which is what runs on a microcontroller."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnn_keras.export.micro.arena import LARGEST_ARENA
from rnn_keras.runtime.litert_model import LiteRTModel, read_litert_file
from rnn_keras.utils.extras import require_extra


class MicroModel(LiteRTModel):
    """A `.tflite` file that `export` wrote with `target="micro"`; see `LiteRTModel`.

    Raises:
        UserError: as `LiteRTModel`; or tflite-micro is not installed.
    """

    def __init__(self, path: str | Path):
        super().__init__(path)
        require_extra("micro", "tflite_micro")
        from tflite_micro.python.tflite_micro import runtime

        self._micro = runtime.Interpreter.from_bytes(read_litert_file(path), arena_size=LARGEST_ARENA)
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._places = {detail["index"]: place for place, detail in enumerate(inputs)}
        self._output_places = {detail["index"]: place for place, detail in enumerate(outputs)}

    def compute(self, feeds: Mapping[str, np.ndarray], *, reset: bool) -> dict[str, np.ndarray]:
        """All outputs by their names; see `NetworkRunner`."""
        if reset:
            self._micro.reset()
        for name, array in feeds.items():
            self._micro.set_input(array, self._places[self._details[name]["index"]])
        self._micro.invoke()
        return {name: self._micro.get_output(self._output_places[index]) for name, index in self._outputs.items()}
