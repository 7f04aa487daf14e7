"""Many to many in step: a video -> a tag for every frame. `python -m apps.video_tagging --help`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from apps.video_tagging.config import SEARCH_SPACE, VideoTaggingConfig
from rnn_keras.cli.app import App

if TYPE_CHECKING:
    import keras

    from apps.video_tagging.data import VideoData
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.run_directory import RunDirectory


class VideoTaggingApp(App):
    name = "video_tagging"
    config_class = VideoTaggingConfig
    what = "Many to many in step: a video goes in frame by frame, and a tag for each frame comes out."
    monitor = "val_tags_frame_accuracy"
    mode = "max"
    search_space = SEARCH_SPACE

    def require_source(self, dataset: str, data_dir: str | None) -> None:
        from apps.video_tagging.tagged_videos import require_source

        require_source(dataset, data_dir)

    def load(self, config: VideoTaggingConfig) -> "VideoData":
        from apps.video_tagging.data import load

        return load(config)

    def build(self, config: VideoTaggingConfig, data: "VideoData", optimizer) -> "keras.Model":
        from apps.video_tagging.loss import FrameAccuracy, TagLoss, tag_weights
        from apps.video_tagging.model import build_tagger
        from rnn_keras.training.stateful import StatefulModel, make_stateful

        tags = len(data.videos.class_names)
        network = build_tagger(config, data.shape, tags, data.stride, standardized=data.standardized)
        if not config.bidirectional:
            network = make_stateful(network, data.training_batches(config).rows)
        model = StatefulModel(network.input, network.output, name=network.name)
        weights = tag_weights(data.videos.splits["train"].tags, tags, config.balance)
        model.compile(
            optimizer=optimizer,
            loss={name: TagLoss(weights) for name in ("tags", "memoryless")},
            metrics={name: [FrameAccuracy()] for name in ("tags", "memoryless")},
        )
        return model

    def assemble(self, network: "keras.Model", data: "VideoData") -> "keras.Model":
        from apps.video_tagging.model import build_video_model, chain_of
        from rnn_keras.training.stateful import make_stateful

        tagger = make_stateful(network, None)  # a copy
        if data.standardized:  # in training; the model takes videos as they are
            tagger.get_layer("normalized").done = False
        return build_video_model(tagger, data.videos.class_names, chain_of(data))

    def score(self, network: "keras.Model", data: "VideoData", split: str) -> dict:
        from apps.video_tagging.metrics import metrics

        return metrics(self.assemble(network, data), data.videos.splits[split])

    def draw(self, run: "RunDirectory", data: "VideoData", network: "keras.Model") -> None:
        from apps.video_tagging.plots import draw
        from apps.video_tagging.tagging import Tagger
        from rnn_keras.training.plots import length_distribution

        tagger, test = Tagger(self.assemble(network, data)), data.videos.splits["test"]
        length_distribution([len(steps) for steps in data.videos.splits["train"].steps], run.plots / "lengths.png")
        draw(run.plots, data.videos.class_names, test, [tagger(steps) for steps in test.steps])

    def evaluate(self, model: "keras.Model", dataset: str, data_dir: str | None, split: str) -> tuple[dict, list[str]]:
        from apps.video_tagging.metrics import metrics
        from apps.video_tagging.tagged_videos import load_tagged_videos

        names, shape = model.get_layer("label").get_vocabulary(), model.input["steps"].shape[2:]
        videos = load_tagged_videos(dataset, data_dir, class_names=names, shape=shape)
        return metrics(model, videos.examples(split)), videos.notes

    def predict(self, model: "keras.Model", inputs: Sequence[bytes]) -> list[dict]:
        from apps.video_tagging.tagging import Tagger, answer
        from apps.video_tagging.video_files import read_video

        names, shape = model.get_layer("label").get_vocabulary(), model.input["steps"].shape[2:]
        videos = [read_video(Path(os.fsdecode(name)).expanduser(), shape) for name in inputs]
        tagger = Tagger(model)
        return [answer(tagger(steps), names) for steps in videos]

    def deployment(self, model: "keras.Model", config: VideoTaggingConfig, examples: int) -> "ExportSpec":
        from apps.video_tagging.export import deployment

        return deployment(model, config, examples)


if __name__ == "__main__":
    VideoTaggingApp().main()
