"""Exported files tag each step of videos of any length as Keras does."""

import numpy as np
import pytest

from apps.video_tagging.config import VideoTaggingConfig
from apps.video_tagging.export import remove_padding
from apps.video_tagging.model import build_tagger, build_video_model
from apps.video_tagging.tagging import VideoTagger
from rnn_keras.export.litert import conversion as litert_conversion
from rnn_keras.export.spec import description_file
from rnn_keras.runtime.litert_model import LiteRTModel, append_associated_files


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"bidirectional": False, "layers": 2}, {"normalization": "instance"}])
def test_a_litert_file_tags_each_step_of_videos_of_any_length(settings, tmp_path):
    config = VideoTaggingConfig(units=6, projection=5, ensemble_size=2, **settings)
    tagger = build_tagger(config, (6,), 3, stride=2)
    model = build_video_model(tagger, ["a", "b", "c"], None)
    path = tmp_path / "video.tflite"
    content = litert_conversion.convert(remove_padding(model, config), 40, "none")
    path.write_bytes(append_associated_files(content, description_file({"per_step": True})))
    file = LiteRTModel(path)
    generator = np.random.default_rng(0)
    videos = [generator.normal(size=(length, 6)).astype("float32") for length in (13, 40, 1)]
    expected = np.concatenate([VideoTagger(model)(steps).probabilities for steps in videos])

    np.testing.assert_allclose(file.outputs(videos), expected, atol=1e-5)
    if not config.bidirectional:  # a stream, two steps at a time, with the state kept inside the file
        parts = [file.run(videos[1][None, at : at + 2], reset=at == 0)[0][0] for at in range(0, 40, 2)]
        np.testing.assert_allclose(np.concatenate(parts), expected[13:53], atol=1e-5)
