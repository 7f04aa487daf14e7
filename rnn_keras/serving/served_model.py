"""A SavedModel as a model of kserve. It runs in TensorFlow alone: Keras and this project's layers are not needed."""

import asyncio
from pathlib import Path
from typing import Any

import kserve
import numpy as np
import tensorflow as tf

from rnn_keras.serving import rest
from rnn_keras.utils.errors import UserError, first_line

SIGNATURE = "serving_default"
LARGEST_BATCH = 64  # rows of requests that are computed as one batch; a single request may have more

Arrays = dict[str, np.ndarray]
Request = tuple[Arrays, asyncio.Future[Arrays]]


class ServedModel(kserve.Model):
    """The signature `serving_default` of a SavedModel, from `{"instances": [...]}` to `{"predictions": [...]}`.

    Requests that arrive while TensorFlow computes wait, and those of the same shapes are computed as one batch. This
    changes at most the last digit of an answer, since TensorFlow rounds differently in batches of another size.

    Args:
        name: the model's name in the paths.
        version: the folder of the SavedModel.

    Raises:
        UserError: the folder holds no SavedModel with that signature, or one with dtypes that JSON cannot hold.
    """

    def __init__(self, name: str, version: Path):
        super().__init__(name)
        try:
            self.saved_model: Any = tf.saved_model.load(str(version))  # the functions live only as long as it does
        except Exception as error:  # TensorFlow's own errors, protobuf's, OSError: all mean a damaged folder
            raise UserError(
                f"{version} cannot be loaded as a SavedModel ({first_line(error)}); export it again"
            ) from error
        if SIGNATURE not in self.saved_model.signatures:
            raise UserError(f"{version} has no signature {SIGNATURE}; export it with `export`, which writes one")
        self.signature = self.saved_model.signatures[SIGNATURE]
        specs = self.signature.structured_input_signature[1]
        for spec in (*specs.values(), *self.signature.structured_outputs.values()):
            if np.dtype(spec.dtype.as_numpy_dtype).kind not in rest.KINDS or spec.shape.rank == 0:
                raise UserError(
                    f"{version} has {spec.name} of {spec.dtype.name} and shape {spec.shape}, which TF Serving's REST "
                    "format cannot hold; give every input and output a batch dimension, and cast them in the endpoint"
                )
        self.inputs = {
            name: rest.Input(np.dtype(spec.dtype.as_numpy_dtype), _shape(spec.shape)) for name, spec in specs.items()
        }
        # Where an output has another open dimension, such as the length of a sentence, a larger batch could change it.
        self.can_batch = all(spec.shape.rank and spec.shape[0] is None for spec in specs.values()) and all(
            spec.shape.rank and spec.shape[1:].is_fully_defined() for spec in self.signature.structured_outputs.values()
        )
        self.waiting: list[Request] = []
        self.worker: asyncio.Task[None] | None = None
        self.ready = True

    async def predict(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, payload: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Answers a request.

        Raises:
            rest.RequestError: the instances are not what the signature takes.
        """
        instances = payload["instances"]
        arrays = rest.to_arrays(instances, self.inputs)
        if self.can_batch:
            answer = asyncio.get_running_loop().create_future()
            self.waiting.append((arrays, answer))
            if self.worker is None or self.worker.done():
                self.worker = asyncio.create_task(self._work())
            outputs = await answer
        else:
            outputs = await asyncio.to_thread(self.compute, arrays)
        return {"predictions": rest.to_predictions(outputs, len(instances))}

    async def _work(self) -> None:
        """Answers the waiting requests, batch after batch, until none is left."""
        while self.waiting:
            taken = self._take()
            results = await asyncio.to_thread(self._compute_batch, [arrays for arrays, _ in taken])
            for (_, answer), result in zip(taken, results, strict=True):
                if answer.done():  # cancelled, because the server is ending
                    continue
                if isinstance(result, Exception):
                    answer.set_exception(result)
                else:
                    answer.set_result(result)

    def _take(self) -> list[Request]:
        """The first waiting request and, up to the largest batch, the others whose instances have its shapes."""
        taken, left, rows = [], [], 0
        for request in self.waiting:
            count = _count_rows(request[0])
            fits = not taken or (
                rows + count <= LARGEST_BATCH
                and all(array.shape[1:] == taken[0][0][name].shape[1:] for name, array in request[0].items())
            )
            (taken if fits else left).append(request)
            rows += count if fits else 0
        self.waiting = left
        return taken

    def _compute_batch(self, requests: list[Arrays]) -> list[Arrays | Exception]:
        """Each request's outputs, or the exception that computing them raised."""
        if len(requests) > 1:
            ends = np.cumsum([_count_rows(request) for request in requests])
            try:
                outputs = self.compute(
                    {name: np.concatenate([request[name] for request in requests]) for name in self.inputs}
                )
                if any(len(array) != ends[-1] for array in outputs.values()):
                    raise ValueError("an output does not have one row for each instance")
            except Exception:
                pass  # one of them is bad: computed alone, each gets its own answer
            else:
                parts = {name: np.split(array, ends[:-1]) for name, array in outputs.items()}
                return [{name: parts[name][number] for name in parts} for number in range(len(requests))]
        results: list[Arrays | Exception] = []
        for request in requests:
            try:
                results.append(self.compute(request))
            except Exception as error:
                results.append(error)
        return results

    def compute(self, arrays: Arrays) -> Arrays:
        """The signature's outputs for one batch of its inputs; may be called from any thread.

        Raises:
            rest.RequestError: the model cannot compute with these values.
        """
        try:
            outputs = self.signature(**{name: tf.constant(array) for name, array in arrays.items()})
        except tf.errors.InvalidArgumentError as error:
            # What is wrong with the values is between the lines about where the graph was made.
            lines = [line for line in error.message.splitlines() if line and not line[0].isspace()]
            raise rest.RequestError(
                f"the model refused the values of these instances ({lines[-1][:200]}); send values like those that it "
                "was trained on"
            ) from error
        return {name: output.numpy() for name, output in outputs.items()}


def _count_rows(arrays: Arrays) -> int:
    return len(next(iter(arrays.values())))


def _shape(shape: tf.TensorShape) -> tuple[int | None, ...] | None:
    return None if shape.rank is None else tuple(shape.as_list())
