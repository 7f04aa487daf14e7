"""Many to many: the past of a series in, its next values out. `python -m apps.forecasting --help`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from apps.forecasting.config import SEARCH_SPACE, ForecastingConfig
from rnn_keras.cli import App, FinishedRun

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from apps.forecasting.data import ForecastData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.play.tab import AppTab
    from rnn_keras.training.train import TrainedNetwork


class ForecastingApp(App):
    name = "forecasting"
    description = "Many to many: the past of a series goes in, and its next values come out."
    config_class = ForecastingConfig
    figure_captions: ClassVar = {
        "forecasts": "Forecasts of the test part with their intervals, and what came.",
        "error_by_step": "The error by the number of steps ahead, beside the baselines.",
        "calibration": "How many values each interval held, beside how many it should hold.",
        "importance": "How much worse the forecasts become without what each input says.",
    }
    search_space = SEARCH_SPACE
    inputs_are_files = True

    def check_source(self, config: ForecastingConfig) -> None:
        from apps.forecasting.source import check_source

        check_source(config)

    def load_data(self, config: ForecastingConfig) -> "ForecastData":
        from apps.forecasting.load_data import load_forecast_data

        return load_forecast_data(config)

    def load_evaluation_data(self, model: "keras.Model", config: ForecastingConfig) -> "ForecastData":
        from apps.forecasting.evaluation_data import load_evaluation_data

        return load_evaluation_data(model, config)

    def build_network(
        self, config: ForecastingConfig, data: "ForecastData", optimizer: "keras.optimizers.Optimizer"
    ) -> "keras.Model":
        from apps.forecasting.losses import compile_forecaster
        from apps.forecasting.model import build_forecaster

        network = build_forecaster(config, data)
        compile_forecaster(network, config, optimizer)
        return network

    def build_model(self, network: "keras.Model", data: "ForecastData", config: ForecastingConfig) -> "keras.Model":
        from apps.forecasting.model import build_saved_model

        return build_saved_model(network, data, config)

    def score(self, model: "keras.Model", data: "ForecastData", split: str) -> dict[str, Any]:
        from apps.forecasting.metrics import score_model

        return score_model(model, data, split)

    def plot(
        self, trained: "TrainedNetwork", model: "keras.Model", data: "ForecastData", config: ForecastingConfig
    ) -> "dict[str, Figure]":
        from apps.forecasting.plots import make_plots

        return make_plots(model, data, config)

    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> list[dict[str, Any]]:
        from apps.forecasting.predict import forecast_files

        return forecast_files(run, inputs)

    def export_spec(self, model: "keras.Model", config: ForecastingConfig, examples: int) -> "ExportSpec":
        from apps.forecasting.export import export_spec

        return export_spec(model, config, examples)

    def commands(self) -> dict[str, Callable[..., None]]:
        from apps.forecasting.commands import make_stream

        return {"stream": make_stream(self)}

    def play_tabs(self) -> "Sequence[AppTab]":
        from apps.forecasting.play import TABS

        return TABS


if __name__ == "__main__":
    ForecastingApp().main()
