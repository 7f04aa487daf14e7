"""What memory is for: how far back each cell can remember, and why. `python -m apps.memory --help`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from apps.memory.config import SEARCH_SPACE, MemoryConfig
from rnn_keras.cli.app import App

if TYPE_CHECKING:
    import keras

    from apps.memory.data import MemoryData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.run_directory import RunDirectory


class MemoryApp(App):
    name = "memory"
    config_class = MemoryConfig
    what = "How far back a recurrent network remembers: the adding problem, copying, and how gradients get there."
    monitor = "val_loss"
    mode = "min"
    search_space = SEARCH_SPACE
    flows = ()  # the gradient flow over the training

    def require_source(self, dataset: str, data_dir: str | None) -> None:
        from apps.memory.tasks import require_task

        require_task(dataset)

    def load(self, config: MemoryConfig) -> "MemoryData":
        from apps.memory.data import load

        return load(config)

    def build(self, config: MemoryConfig, data: "MemoryData", optimizer) -> "keras.Model":
        from apps.memory.model import build_network

        network = build_network(config, data.task)
        of_numbers = data.task.name == "adding"
        network.compile(
            optimizer=optimizer,
            loss="mse" if of_numbers else "sparse_categorical_crossentropy",
            metrics=["mae" if of_numbers else "accuracy"],
        )
        return network

    def callbacks(self, config: MemoryConfig, data: "MemoryData", run: "RunDirectory") -> list:
        from apps.memory.model import MEMORY
        from apps.memory.plots import probe
        from rnn_keras.diagnostics import GradientMonitor
        from rnn_keras.utils.terminal import console

        examples = probe(data.task, data.splits["validation"][0])
        kept = run.checkpoint / "gradient_flow.npz"
        monitor = GradientMonitor(
            run.logs / "gradients", layer=MEMORY, print_fn=console.print, flow_file=kept, **examples
        )
        self.flows = monitor.flows
        return [monitor]

    def good_enough(self, config: MemoryConfig, data: "MemoryData") -> float:
        return data.task.solved / 3  # well below the limit: the test examples are others

    def assemble(self, network: "keras.Model", data: "MemoryData") -> "keras.Model":
        from apps.memory.model import build_text_model

        return build_text_model(network, data.task)

    def score(self, network: "keras.Model", data: "MemoryData", split: str) -> dict:
        from apps.memory.metrics import metrics

        return metrics(network, data.task, *data.splits[split])

    def draw(self, run: "RunDirectory", data: "MemoryData", network: "keras.Model") -> None:
        from apps.memory.plots import draw

        draw(run.plots, data.task, network, list(self.flows), data.splits["test"][0])

    def evaluate(self, model: "keras.Model", dataset: str, data_dir: str | None, split: str) -> tuple[dict, list[str]]:
        from apps.memory.data import held_out
        from apps.memory.metrics import metrics
        from apps.memory.tasks import task_of
        from rnn_keras.utils.errors import UserError

        task = task_of(dataset, self.config.length, self.config.items)
        if task.name != model.name:
            raise UserError(f"this model has learnt {model.name}, not {task.name}; give --dataset {model.name}")
        return metrics(model.get_layer("network"), task, *held_out(task, split)), [str(task)]

    def predict(self, model: "keras.Model", inputs: Sequence[bytes]) -> list[dict]:
        from apps.memory.predict import answered

        return answered(model, list(inputs), self.config)

    def export_spec(self, model: "keras.Model", config: MemoryConfig, examples: int) -> "ExportSpec":
        from apps.memory.export import export_spec

        return export_spec(model, config, examples)

    def commands(self) -> dict[str, Callable]:
        from apps.memory.commands import exploding, language, lengths, sentence

        return {command.__name__: command for command in (lengths, exploding, sentence, language)}


if __name__ == "__main__":
    MemoryApp().main()
