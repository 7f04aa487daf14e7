"""What the runners of files with one network share: named inputs and outputs, and the states of streams."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnn_keras.runtime.runner import UNKNOWN_ID, Input, Runner
from rnn_keras.utils.errors import UserError

# In the description:
STATES = "states"  # {the name of an input: that of the output with its next value}
PADDED = "padded"  # {the name of an input: what fills it up to the number of steps that the file fixes}

Shape = tuple[int | None, ...]
NetworkInput = Input | Mapping[str, np.ndarray]  # several tensors by the names of the inputs


class NetworkRunner(Runner):
    """A file that holds one network.

    Where `description` says `per_step`, the network has an output for each step of its input.

    Attributes:
        shapes: of the inputs, by name, with the batch first; None where any size is accepted.
        output_names: the names of the outputs, in the order of `run`.
        has_own_states: whether the engine itself keeps states from call to call.
    """

    has_own_states = False

    def connect(self, inputs: Mapping[str, tuple[Shape, Any]], outputs: Sequence[str]) -> None:
        """Takes the inputs of the file, their shapes and types, and the names of its outputs, states among them."""
        self._next_states: dict[str, str] = self.description.get(STATES, {})
        self._states: dict[str, np.ndarray] = {}
        self._inputs = dict(inputs)
        self.shapes = {name: shape for name, (shape, _) in inputs.items() if name not in self._next_states}
        self.output_names = [name for name in outputs if name not in self._next_states.values()]

    @abc.abstractmethod
    def compute(self, feeds: Mapping[str, np.ndarray], *, reset: bool) -> Mapping[str, np.ndarray]:
        """All outputs by their names, for all inputs. `reset`: see `run`."""

    def run(self, inputs: np.ndarray | Mapping[str, np.ndarray], *, reset: bool = True) -> list[np.ndarray]:
        """The outputs for a batch, of the sizes in `shapes`.

        Args:
            inputs: by their names; or the only one, `(batch, steps, ...)`.
            reset: whether the recurrent states start at zero. False: they continue from the last call, for a stream
                that comes in parts.

        Raises:
            UserError: the inputs have other names or another shape, or the file has no states to continue from.
        """
        given = self.check_inputs(inputs, reset=reset)
        if reset:
            self._states = {}
        elif not self._next_states and not self.has_own_states:
            raise UserError(f"{self.path} has no states to continue from; export the model with `stream`")
        batch = len(next(iter(given.values()))) if given else 1
        for name in self._next_states:
            before = self._states.get(name)
            shape, dtype = self._inputs[name]
            if before is None:
                self._states[name] = np.zeros([batch, *(size or 1 for size in shape[1:])], dtype)
            elif len(before) != batch:
                raise UserError(f"a stream continues in parts of one batch size: after {len(before)} came {batch}")
        try:
            values = self.compute({**given, **self._states}, reset=reset)
        except UserError:
            raise
        except Exception as error:  # each engine has classes of its own, such as for an id beyond the vocabulary
            reason = " ".join(str(error).split())
            raise UserError(f"{self.path} cannot compute an answer to these inputs: {reason}") from error
        self._states = {name: values[output] for name, output in self._next_states.items()}
        return [values[name] for name in self.output_names]

    def check_inputs(self, inputs: np.ndarray | Mapping[str, np.ndarray], *, reset: bool) -> dict[str, np.ndarray]:
        """The inputs by their names, in the types that the file takes; see `run`.

        Inputs of fewer steps than the file expects are padded: ids with 0, others as the file's description says.
        """
        padded = self.description.get(PADDED, {})
        if not isinstance(inputs, Mapping):
            if len(self.shapes) != 1:
                raise UserError(f"{self.path} takes {len(self.shapes)} inputs: pass a dict of {', '.join(self.shapes)}")
            inputs = dict.fromkeys(self.shapes, inputs)
        if inputs.keys() != self.shapes.keys():
            raise UserError(f"{self.path} takes the inputs {', '.join(self.shapes)}; got {', '.join(inputs) or 'none'}")
        arrays = {}
        for name, value in inputs.items():
            shape, dtype = self._inputs[name]
            array = np.asarray(value)
            if np.dtype(dtype).kind == "i" and array.dtype.kind == "f" and not np.array_equal(array, np.round(array)):
                raise UserError(f"{self.path} takes whole numbers as {name}; got fractions")
            array = array.astype(dtype)
            are_ids = len(shape) == 2 and array.dtype.kind == "i"
            if reset and (are_ids or name in padded) and array.ndim == len(shape) > 1 and shape[1] is not None:
                missing = max(0, shape[1] - array.shape[1])
                widths = [(0, missing if axis == 1 else 0) for axis in range(array.ndim)]
                array = np.pad(array, widths, constant_values=padded.get(name, 0))
            sizes = zip(shape, array.shape, strict=False)
            if array.ndim != len(shape) or any(fixed not in (None, size) for fixed, size in sizes):
                raise UserError(f"{self.path} takes {name} of shape {shape}; got {array.shape}")
            arrays[name] = array
        return arrays

    def encode(self, raw: str | bytes) -> np.ndarray:
        """The ids of a text's tokens, `(tokens,)` int32."""
        ids = np.array([self._ids.get(token, UNKNOWN_ID) for token in self.tokenize(raw)], np.int32)
        length = getattr(self._tokenizer, "length", None)
        return ids if length is None else np.pad(ids[:length], (0, max(0, length - len(ids))))

    def run_one(self, raw: NetworkInput, *, reset: bool = True) -> list[np.ndarray]:
        """All outputs for one text, tensor `(steps, ...)`, or dict of tensors, as a batch of one; see `run`.

        A text may also be in an array of its own, as `model.predict` takes it.
        """
        if isinstance(raw, Mapping):
            return self.run({name: np.asarray(value)[np.newaxis] for name, value in raw.items()}, reset=reset)
        tensor = np.asarray(raw)
        if tensor.dtype.kind in "OSU":
            tensor = self.encode(raw if isinstance(raw, str | bytes) else tensor.item())
        return self.run(tensor[np.newaxis], reset=reset)

    def outputs(self, inputs: Sequence[Any], *, reset: bool = True) -> np.ndarray:
        """The first output for each text, or tensor `(steps, ...)`, each read from a zero state: `(n, ...)`.

        Of a network with an output per step, n is the total number of steps. `reset`: see `run`.
        """
        outputs = [self.run_one(x, reset=reset)[0] for x in inputs]
        return np.concatenate([output[0] for output in outputs] if self.description.get("per_step") else outputs)

    def predict(self, inputs: Sequence[Any], *, reset: bool = True) -> list[dict[str, Any]]:
        """The label and the score of each text, or tensor `(steps, ...)`; of each step where the file says `per_step`.

        The score is the probability of the second of two labels; of more, or where the file says `"score": "of_label"`,
        that of the label. Beside it are the `probabilities` of all labels by their names. A file without labels gives
        its `output`, a number or a list, or all its outputs by their names. `reset`: see `run`.
        """
        labels, of_label = self.description.get("labels"), self.description.get("score") == "of_label"
        predictions: list[dict[str, Any]] = []
        if labels is None and len(self.output_names) > 1:
            for x in inputs:
                named = zip(self.output_names, self.run_one(x, reset=reset), strict=True)
                predictions.append(
                    {name: value.item() if value.size == 1 else value[0].tolist() for name, value in named}
                )
            return predictions
        for scores in self.outputs(inputs, reset=reset):
            if labels is None:
                predictions.append({"output": scores.item() if scores.size == 1 else scores.tolist()})
                continue
            if len(scores) == 1:  # the probability of the second of two labels
                scores = np.array([1 - scores[0], scores[0]])
            best = int(scores.argmax())
            score = scores[1] if len(labels) == 2 and not of_label else scores[best]
            probabilities = dict(zip(labels, scores.tolist(), strict=True))
            predictions.append({"label": labels[best], "score": float(score), "probabilities": probabilities})
        return predictions
