"""Many to one, and in step: what a sensor measures -> what the person does. `python -m apps.activity --help`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from apps.activity.config import SEARCH_SPACE, ActivityConfig
from rnn_keras.cli import App, FinishedRun

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from apps.activity.data import ActivityData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.play.tab import AppTab
    from rnn_keras.training.train import TrainedNetwork


class ActivityApp(App):
    name = "activity"
    description = "Many to one: windows of what a sensor measures go in, and what the person does comes out."
    config_class = ActivityConfig
    figure_captions: ClassVar = {
        "timelines": "The recognised activity over time in some test recordings, and the true one.",
    }
    monitor = "val_loss"  # of few people, the accuracy jumps from epoch to epoch
    search_space = SEARCH_SPACE
    inputs_are_files = True

    def check_source(self, config: ActivityConfig) -> None:
        from apps.activity.recordings import check_source

        check_source(config.dataset, config.data_dir, config.file_columns)

    def load_data(self, config: ActivityConfig) -> "ActivityData":
        from apps.activity.data import load_activity_data

        return load_activity_data(config)

    def load_evaluation_data(self, model: "keras.Model", config: ActivityConfig) -> "ActivityData":
        from apps.activity.data import load_activity_data

        return load_activity_data(config, model)

    def build_network(
        self, config: ActivityConfig, data: "ActivityData", optimizer: "keras.optimizers.Optimizer"
    ) -> "keras.Model":
        from apps.activity.data import choose_mirror
        from apps.activity.model import ProbabilityCrossentropy, build_classifier

        mirror = choose_mirror(config, data.dataset.channels)
        classifier = build_classifier(config, *data.measure_channels(config), len(data.class_names), mirror)
        loss = ProbabilityCrossentropy(config.smoothing)
        classifier.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])  # pyright: ignore[reportArgumentType]
        return classifier

    def build_model(self, network: "keras.Model", data: "ActivityData", config: ActivityConfig) -> "keras.Model":
        from apps.activity.model import build_activity_model, build_summary
        from apps.activity.windows import cut_recordings

        windows = cut_recordings(data.training_recordings, config.window, config.stride)
        summary = build_summary(windows.signals, windows.labels, len(data.class_names))
        return build_activity_model(network, summary, data.class_names, data.dataset.channels)

    def get_class_names(self, model: "keras.Model") -> list[str]:
        """The classes of a saved model."""
        from rnn_keras.export.classification import get_class_names

        return get_class_names(model)

    def score(self, model: "keras.Model", data: "ActivityData", split: str) -> dict[str, Any]:
        from apps.activity.metrics import score_model

        return score_model(model, data, split)

    def plot(
        self, trained: "TrainedNetwork", model: "keras.Model", data: "ActivityData", config: ActivityConfig
    ) -> "dict[str, Figure]":
        from apps.activity.plots import plot_timelines
        from rnn_keras.data.classification_data import predict_probabilities
        from rnn_keras.training.plots import plot_confusion_matrix

        windows, recordings = data.windows("test"), data.dataset.examples("test")
        probabilities = predict_probabilities(trained.network, windows.signals)
        return {
            "confusion": plot_confusion_matrix(windows.labels, probabilities.argmax(axis=1), data.class_names),
            "timelines": plot_timelines(windows, probabilities, recordings.names, data.class_names),
        }

    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> list[dict[str, Any]]:
        from apps.activity.model import NETWORK, get_channels
        from apps.activity.predict import recognise_files
        from rnn_keras.data.classification_data import predict_probabilities

        network: Any = run.model.get_layer(NETWORK)
        return recognise_files(
            lambda windows: predict_probabilities(network, windows),
            network.input_shape[1],
            get_channels(run.model),
            run.config.stride,
            self.get_class_names(run.model),
            inputs,
            run.config.file_columns,
        )

    def export_spec(self, model: "keras.Model", config: ActivityConfig, examples: int) -> "ExportSpec":
        from apps.activity.export import export_spec

        return export_spec(model, lambda: self.load_evaluation_data(model, config), examples)

    def commands(self) -> dict[str, Callable[..., None]]:
        from apps.activity.commands import make_folds, make_stream

        return {"folds": make_folds(self), "stream": make_stream(self)}

    def play_tabs(self) -> "Sequence[AppTab]":
        from apps.activity.play import TABS

        return TABS


if __name__ == "__main__":
    ActivityApp().main()
