"""What memory is for: how far back each cell remembers, and why. `python -m apps.memory --help`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from apps.memory.config import SEARCH_SPACE, MemoryConfig
from rnn_keras.cli import App, FinishedRun

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from apps.memory.data import MemoryData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.play.tab import AppTab
    from rnn_keras.training.run_directory import RunDirectory
    from rnn_keras.training.train import TrainedNetwork


class MemoryApp(App):
    name = "memory"
    description = "How far back a recurrent network remembers: the adding problem, copying, and the gradients' reach."
    config_class = MemoryConfig
    figure_captions: ClassVar = {
        "gradient_flow": "How far back the gradient of the output reaches, before and after training.",
        "gates": "Every gate while one test example is read.",
    }
    monitor = "val_loss"
    search_space = SEARCH_SPACE

    def check_source(self, config: MemoryConfig) -> None:
        from apps.memory.tasks import check_task

        check_task(config.dataset)

    def load_data(self, config: MemoryConfig) -> "MemoryData":
        from apps.memory.data import load_memory_data

        return load_memory_data(config)

    def load_evaluation_data(self, model: "keras.Model", config: MemoryConfig) -> "MemoryData":
        from apps.memory.data import MemoryData
        from apps.memory.tasks import make_task
        from rnn_keras.utils.errors import UserError

        task = make_task(config.dataset, config.length, config.items)
        if task.name != model.name:
            raise UserError(f"this model was trained on {model.name}, not on {task.name}; use --dataset {model.name}")
        return MemoryData(task, (f"the task is {task}",))

    def build_network(
        self, config: MemoryConfig, data: "MemoryData", optimizer: "keras.optimizers.Optimizer"
    ) -> "keras.Model":
        from apps.memory.model import build_network

        network = build_network(config, data.task)
        is_regression = data.task.name == "adding"
        network.compile(
            optimizer=optimizer,  # pyright: ignore[reportArgumentType]
            loss="mse" if is_regression else "sparse_categorical_crossentropy",
            metrics=["mae" if is_regression else "accuracy"],
        )
        return network

    def build_model(self, network: "keras.Model", data: "MemoryData", config: MemoryConfig) -> "keras.Model":
        from apps.memory.model import build_text_model

        return build_text_model(network, data.task)

    def score(self, model: "keras.Model", data: "MemoryData", split: str) -> dict[str, Any]:
        from apps.memory.metrics import compute_metrics
        from apps.memory.model import get_network

        return compute_metrics(get_network(model), data.task, *data.examples(split))

    def callbacks(
        self, config: MemoryConfig, data: "MemoryData", run: "RunDirectory"
    ) -> "list[keras.callbacks.Callback]":
        from apps.memory.model import RECURRENT_LAYER
        from apps.memory.plots import make_probe
        from rnn_keras.diagnostics import GradientMonitor
        from rnn_keras.utils.terminal import console

        monitor = GradientMonitor(
            run.logs / "gradients",
            layer=RECURRENT_LAYER,
            print_fn=console.print,
            flow_file=run.checkpoint / "gradient_flow.npz",
            **make_probe(data.task, data.examples("validation")[0]),
        )
        return [monitor]

    def stop_value(self, config: MemoryConfig, data: "MemoryData") -> float:
        return data.task.solved_below / 3  # well below the limit: the test examples are different ones

    def plot(
        self, trained: "TrainedNetwork", model: "keras.Model", data: "MemoryData", config: MemoryConfig
    ) -> "dict[str, Figure]":
        from apps.memory.plots import make_plots
        from rnn_keras.diagnostics import GradientMonitor

        (monitor,) = (callback for callback in trained.callbacks if isinstance(callback, GradientMonitor))
        return make_plots(data.task, trained.network, monitor.flows, data.examples("test")[0])

    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> list[dict[str, Any]]:
        from apps.memory.predict import predict_texts

        return predict_texts(run.model, inputs, run.config)

    def export_spec(self, model: "keras.Model", config: MemoryConfig, examples: int) -> "ExportSpec":
        from apps.memory.export import export_spec

        return export_spec(model, config, examples)

    def commands(self) -> dict[str, Callable[..., None]]:
        from apps.memory.commands import exploding, make_lengths, sentence

        return {"lengths": make_lengths(self), "exploding": exploding, "sentence": sentence}

    def play_tabs(self) -> "Sequence[AppTab]":
        from apps.memory.play import TABS

        return TABS


if __name__ == "__main__":
    MemoryApp().main()
