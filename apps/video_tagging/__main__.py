"""Many to many, in step: a video -> a tag for every frame. `python -m apps.video_tagging --help`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from apps.video_tagging.config import SEARCH_SPACE, VideoTaggingConfig
from rnn_keras.cli import App, FinishedRun

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from apps.video_tagging.data import VideoData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.play.tab import AppTab
    from rnn_keras.training.train import TrainedNetwork


class VideoTaggingApp(App):
    name = "video_tagging"
    description = "Many to many, in step: a video goes in frame by frame, and a tag for each frame comes out."
    config_class = VideoTaggingConfig
    figure_captions: ClassVar = {
        "ribbons": "The tags of some test videos: the true ones, the network's, and those without memory.",
    }
    monitor = "val_tags_frame_accuracy"
    search_space = SEARCH_SPACE
    inputs_are_files = True

    def check_source(self, config: Any) -> None:
        from apps.video_tagging.tagged_videos import check_source

        check_source(config.dataset, config.data_dir)

    def load_data(self, config: VideoTaggingConfig) -> "VideoData":
        from apps.video_tagging.data import load_video_data

        return load_video_data(config)

    def load_evaluation_data(self, model: "keras.Model", config: VideoTaggingConfig) -> "VideoData":
        from apps.video_tagging.data import load_video_data_for

        return load_video_data_for(model, config)

    def build_network(
        self, config: VideoTaggingConfig, data: "VideoData", optimizer: "keras.optimizers.Optimizer"
    ) -> "keras.Model":
        from apps.video_tagging.data import OUTPUTS
        from apps.video_tagging.loss import FrameAccuracy, TagLoss, compute_tag_weights
        from apps.video_tagging.model import build_tagger
        from rnn_keras.training.stateful import StatefulModel, make_stateful

        tags = len(data.videos.class_names)
        network = build_tagger(
            config,
            data.step_shape,
            tags,
            data.stride,
            segment_length=data.segment_length,
            is_normalized=data.is_normalized,
        )
        if not config.bidirectional:
            network = make_stateful(network, data.training_batches(config).padded_batch_size)
        model = StatefulModel(network.input, network.output, name=network.name)
        weights = compute_tag_weights(data.videos.splits["train"].tags, tags, config.balance)
        model.compile(
            optimizer=optimizer,  # pyright: ignore[reportArgumentType]
            loss={name: TagLoss(weights) for name in OUTPUTS},
            metrics={name: [FrameAccuracy()] for name in OUTPUTS},
        )
        return model

    def build_model(self, network: "keras.Model", data: "VideoData", config: VideoTaggingConfig) -> "keras.Model":
        from apps.video_tagging.model import build_video_model, make_viterbi_layer
        from rnn_keras.training.stateful import make_stateless

        tagger = make_stateless(network)
        if data.is_normalized:  # beforehand in training; the final model takes videos as they are
            tagger.get_layer("normalization").enabled = True  # pyright: ignore[reportAttributeAccessIssue]
        return build_video_model(tagger, data.videos.class_names, make_viterbi_layer(config, data))

    def score(self, model: "keras.Model", data: "VideoData", split: str) -> dict[str, Any]:
        from apps.video_tagging.metrics import score_model

        return score_model(model, data.videos.examples(split))

    def plot(
        self, trained: "TrainedNetwork", model: "keras.Model", data: "VideoData", config: VideoTaggingConfig
    ) -> "dict[str, Figure]":
        from apps.video_tagging.plots import make_plots
        from apps.video_tagging.tagging import get_video_tagger
        from rnn_keras.training.plots import plot_lengths

        tagger, test = get_video_tagger(model), data.videos.splits["test"]
        lengths = plot_lengths([len(steps) for steps in data.videos.splits["train"].steps])
        predictions = make_plots(data.videos.class_names, test, [tagger(steps) for steps in test.steps])
        return {"lengths": lengths, **predictions}

    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> list[dict[str, Any]]:
        from apps.video_tagging.predict import predict_tags

        return predict_tags(run.model, inputs)

    def export_spec(self, model: "keras.Model", config: VideoTaggingConfig, examples: int) -> "ExportSpec":
        from apps.video_tagging.export import export_spec

        return export_spec(model, config, examples)

    def play_tabs(self) -> "Sequence[AppTab]":
        from apps.video_tagging.play import TABS

        return TABS


if __name__ == "__main__":
    VideoTaggingApp().main()
