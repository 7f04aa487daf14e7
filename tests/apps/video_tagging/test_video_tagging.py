"""The video tagging app on tiny data, by its commands and by its parts."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds
from sklearn.metrics import accuracy_score

from apps.video_tagging.__main__ import VideoTaggingApp
from apps.video_tagging.config import VideoTaggingConfig
from apps.video_tagging.data import VideoData, fitting_stride
from apps.video_tagging.export import unpadded
from apps.video_tagging.loss import FrameAccuracy, TagLoss, tag_weights
from apps.video_tagging.metrics import measures
from apps.video_tagging.model import build_tagger, build_video_model
from apps.video_tagging.segments import edit_score, f1_at
from apps.video_tagging.tagged_videos import Videos, load_tagged_videos
from apps.video_tagging.tagging import Stream, Tagged, Tagger
from apps.video_tagging.windows import UNTAGGED, WindowBatches
from rnn_keras.data.classification import Labelled
from rnn_keras.data.splits import SPLITS
from rnn_keras.export import litert
from rnn_keras.runtime.litert_model import DESCRIPTION, LiteRTModel
from rnn_keras.training.stateful import StatefulModel
from rnn_keras.utils.errors import UserError

SMALL = (
    "--members",
    2,
    "--units",
    12,
    "--projection",
    12,
    "--dropout",
    0,
    "--input-dropout",
    0,
    "--batch-size",
    8,
    "--balance",
    0.3,
)


def command(*arguments):
    VideoTaggingApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


def marked(generator, length, stretch=8):
    """Features in which a marker, one step long, says the tag of all steps up to the next: memory is needed."""
    tags, features = np.zeros(length, np.int64), generator.normal(0, 0.1, size=(length, 6))
    for start in range(0, length, stretch):
        tag = generator.integers(3)
        tags[start : start + stretch] = tag
        features[start, tag] = 3
    return features.astype("float32"), tags * 10  # the user's own numbers: 0, 10, 20


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Videos of very different lengths, in train/ and test/."""
    generator = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("videos")
    for split, lengths in (("train", [16, 30, 200, *[40] * 13]), ("test", [30, 41, 64])):
        (folder / split).mkdir()
        for number, length in enumerate(lengths):
            features, tags = marked(generator, length)
            np.savez(folder / split / f"video{number}.npz", features=features, tags=tags)
    return folder


@pytest.fixture(scope="session")
def causal_run(folder, tmp_path_factory):
    """A finished run that reads forward alone, in windows with the state carried over."""
    run_dir = tmp_path_factory.mktemp("runs") / "causal"
    options = ("--no-bidirectional", "--window", 20, "--stride", 1, "--normalize", "none")
    schedule = ("--epochs", 40, "--learning-rate", 0.02)
    command("train", "--dataset", folder, "--run-dir", run_dir, *SMALL, *options, *schedule)
    return run_dir


@pytest.fixture(scope="session")
def model(causal_run):
    return keras.models.load_model(causal_run / "model.keras")


def test_a_run_leaves_what_is_promised(causal_run):
    metrics = json.loads((causal_run / "metrics.json").read_text())["test"]

    assert metrics["frame_accuracy"] > 0.95 > 0.7 > metrics["memoryless_frame_accuracy"]
    assert 0 < metrics["majority_frame_accuracy"] < 0.7
    assert {"edit", "f1_10", "f1_25", "f1_50", "macro_f1"} <= set(metrics)
    assert metrics["videos"] == 3 and metrics["frames"] == 30 + 41 + 64
    left = {path.name for path in causal_run.iterdir()}
    assert left == {"config.json", "model.keras", "metrics.json", "history.csv", "logs", "plots"}
    pictures = {path.name for path in (causal_run / "plots").iterdir()}
    assert pictures == {"learning_curves.png", "lengths.png", "ribbons.png", "confusion.png"}


def test_evaluate_gives_the_metrics_of_training_again(causal_run, capfd):
    command("evaluate", "--run-dir", causal_run, "--json")
    found = last_line(capfd)
    stored = json.loads((causal_run / "metrics.json").read_text())["test"]

    assert {name: found[name] for name in stored} == pytest.approx(stored)


def test_evaluate_scores_other_data_by_the_models_tags(causal_run, tmp_path, capfd):
    features, tags = marked(np.random.default_rng(5), 50)
    np.savez(tmp_path / "one.npz", features=features, tags=np.minimum(tags, 10))  # one of the three tags is missing
    command("evaluate", "--run-dir", causal_run, "--dataset", tmp_path, "--split", "all", "--json")
    metrics = last_line(capfd)

    assert metrics["videos"] == 1
    assert metrics["frame_accuracy"] == pytest.approx(np.mean(tags <= 10), abs=0.1)


def test_predict_answers_each_video_in_the_users_own_tags(causal_run, folder, capfd):
    files = sorted((folder / "test").glob("*.npz"))
    command("predict", "--run-dir", causal_run, "--json", *files)
    predictions = last_line(capfd)["predictions"]

    for file, prediction in zip(files, predictions, strict=True):
        tags = np.load(file)["tags"]
        assert accuracy_score(tags, prediction["tags"]) > 0.9
        rebuilt = [part["tag"] for part in prediction["segments"] for _ in range(part["start"], part["end"])]
        assert rebuilt == prediction["tags"]


def test_a_stream_step_by_step_is_tagged_like_the_whole_video(model, folder):
    steps = np.load(folder / "train" / "video2.npz")["features"]
    whole = Tagger(model)(steps).probabilities
    for size in (1, 7):
        stream = Stream(model)
        parts = [stream.push(steps[start : start + size]) for start in range(0, len(steps), size)]
        np.testing.assert_allclose(np.concatenate([*parts, stream.finish()]), whole, atol=1e-6)


@pytest.mark.parametrize("shape", [(6,), (12, 10, 3)])
def test_a_stream_waits_for_the_steps_that_become_one(shape):
    config = VideoTaggingConfig(units=5, projection=4, bidirectional=False, layers=2, members=2)
    tagger = build_tagger(config, shape, 3, stride=4)
    model = build_video_model(tagger, ["a", "b", "c"], None)
    generator = np.random.default_rng(0)
    steps = generator.normal(size=(11, 6)) if len(shape) == 1 else generator.integers(256, size=(11, *shape))
    steps = steps.astype(tagger.input["steps"].dtype)
    stream = Stream(model)
    sizes = [len(stream.push(steps[place : place + 1])) for place in range(11)]

    assert sizes == [0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0]
    np.testing.assert_allclose(stream.finish(), Tagger(model)(steps).probabilities[8:], atol=1e-6)


def test_a_model_that_reads_from_both_ends_is_no_stream():
    tagger = build_tagger(VideoTaggingConfig(units=5), (6,), 3, stride=1)
    with pytest.raises(UserError, match="train one with --no-bidirectional"):
        Stream(build_video_model(tagger, ["a", "b", "c"], None))


@pytest.mark.parametrize(
    ("settings", "shape", "stride"),
    [
        ({"members": 2}, (6,), 2),
        ({"cell": "gru", "bidirectional": False, "layers": 2, "members": 1}, (6,), 1),
        ({"cell": "simple_rnn", "normalize": "none", "members": 1}, (6,), 1),
        ({"cell": "lstm"}, (12, 10, 3), 1),
    ],
    ids=["features", "causal", "simple_rnn", "frames"],
)
class TestModel:
    def batches(self, shape):
        generator = np.random.default_rng(0)
        lengths = [9, 12, 16, 16]
        tags = [np.repeat(generator.integers(3, size=length), 4)[:length].astype("int32") for length in lengths]
        if len(shape) == 1:
            steps = [generator.normal(size=(length, *shape)).astype("float32") for length in lengths]
        else:
            steps = [generator.integers(256, size=(length, *shape)).astype("uint8") for length in lengths]
        outputs = ("tags", "memoryless")
        return WindowBatches(steps, tags, 4, 32, carried=False, shuffle=False, outputs=outputs)

    def compiled(self, settings, shape, stride):
        keras.utils.set_random_seed(1)
        sizes = {"units": 16, "projection": 16, "dropout": 0.0, "input_dropout": 0.0}
        network = build_tagger(VideoTaggingConfig(**sizes, **settings), shape, 3, stride)
        model = StatefulModel(network.input, network.output)
        loss = {name: TagLoss(np.ones(3)) for name in network.output}
        metrics = {name: [FrameAccuracy()] for name in network.output}
        model.compile(keras.optimizers.Adam(0.01), loss=loss, metrics=metrics)
        return model

    def test_one_step_moves_every_weight(self, settings, shape, stride):
        model = self.compiled(settings, shape, stride)
        before = [weight.numpy() for weight in model.trainable_variables]
        model.fit(self.batches(shape).dataset(), verbose=0)

        for weight, old in zip(model.trainable_variables, before, strict=True):
            assert np.any(weight.numpy() != old), weight.path

    def test_it_overfits_one_batch(self, settings, shape, stride):
        model = self.compiled(settings, shape, stride)
        model.fit(self.batches(shape).dataset().repeat(), steps_per_epoch=150, verbose=0)

        assert model.evaluate(self.batches(shape).dataset(), verbose=0, return_dict=True)["tags_frame_accuracy"] > 0.98

    def test_padding_changes_nothing(self, settings, shape, stride):
        model = self.compiled(settings, shape, stride)
        (inputs, _), *_ = self.batches(shape).dataset().as_numpy_iterator()
        together = model({name: inputs[name] for name in ("steps", "lengths")})
        for row, length in enumerate(inputs["lengths"]):
            alone = model({"steps": inputs["steps"][row : row + 1, :length], "lengths": np.array([length])})
            for name in ("tags", "memoryless"):
                np.testing.assert_allclose(together[name][row, :length], alone[name][0], atol=1e-5)


@pytest.mark.parametrize("window", [10, 64])
def test_training_sees_each_step_of_a_long_video_as_the_finished_model_does(window):
    """By the twin without memory, whose answer depends on the step alone; the level differs from window to window."""
    generator = np.random.default_rng(0)
    steps = [generator.normal(np.repeat([[0], [5]], length // 2, axis=0), 1, (length, 6)) for length in (40, 16, 8)]
    steps = [video.astype("float32") for video in steps]
    tags = [np.arange(len(video), dtype="int32") % 3 for video in steps]
    videos = Videos(["a", "b", "c"], steps, tags)
    config = VideoTaggingConfig(units=4, projection=4, members=1, window=window, batch_size=8)
    data = VideoData(config, Labelled("some", ["x", "y", "z"], dict.fromkeys(SPLITS, videos), videos), stride=2)
    network = VideoTaggingApp().build(config, data, "adam")
    tagger = Tagger(VideoTaggingApp().assemble(network, data))
    whole = [tagger(video).memoryless for video in steps]

    assert data.standardized == (window == 10)  # twice as many steps, since two become one
    for batches in (data.training_batches(config), data._windows("validation", shuffle=False)):
        places = dict.fromkeys(range(3), 0)
        for indices in batches.plan(0):
            inputs = dict(zip(("steps", "lengths"), batches.batch(indices)[:2], strict=True))
            seen = network(inputs)["memoryless"].numpy()
            for row, example in enumerate(indices[1:]):
                video, start, length = batches._examples[example]
                np.testing.assert_allclose(seen[row, :length], whole[video][start : start + length], atol=1e-5)
                places[video] += length
        assert places == {0: 40, 1: 16, 2: 8}


def test_long_videos_are_read_in_parts_by_the_convolutions(monkeypatch):
    model = build_video_model(build_tagger(VideoTaggingConfig(units=5), (12, 10, 1), 3, 1), ["a", "b", "c"], None)
    frames = np.random.default_rng(0).integers(256, size=(23, 12, 10, 1)).astype("uint8")
    expected = Tagger(model)(frames)
    monkeypatch.setattr("apps.video_tagging.tagging.FRAMES_AT_ONCE", 5)
    np.testing.assert_allclose(Tagger(model)(frames).probabilities, expected.probabilities, atol=1e-6)


def test_loss_and_accuracy_leave_padding_out_and_weigh_tags():
    generator = np.random.default_rng(0)
    likely = generator.dirichlet(np.ones(3), size=(2, 4)).astype("float32")
    truth = np.array([[0, 1, 2, UNTAGGED], [1, UNTAGGED, UNTAGGED, UNTAGGED]])
    weights = np.array([1.0, 2.0, 0.5])
    known = [(row, step) for row, step in np.ndindex(2, 4) if truth[row, step] != UNTAGGED]
    losses = [-np.log(likely[row, step, truth[row, step]]) for row, step in known]
    expected = np.average(losses, weights=[weights[truth[place]] for place in known])

    assert float(TagLoss(weights)(truth, likely)) == pytest.approx(expected, rel=1e-5)
    accuracy = FrameAccuracy()
    accuracy.update_state(truth, likely)
    assert float(accuracy.result()) == pytest.approx(
        np.mean([likely[place].argmax() == truth[place] for place in known])
    )


def test_tag_weights_balance_the_tags():
    tags = [np.array([0, 0, 0, 0, 0, 0]), np.array([1, 1, 2])]
    counts = np.array([6, 2, 1, 1])  # the fourth never occurs

    np.testing.assert_allclose(tag_weights(tags, 4, 0.0), 1)
    balanced = tag_weights(tags, 4, 1.0)
    np.testing.assert_allclose((balanced * counts)[:3], (balanced * counts)[0])
    half = tag_weights(tags, 4, 0.5)
    assert np.average(half, weights=counts) == pytest.approx(1) and 1 < half[2] / half[0] < balanced[2] / balanced[0]


def test_measures_are_over_all_steps_or_means_over_videos():
    truths = [np.array([0, 0, 1, 1]), np.array([2, 2])]
    decided = [np.array([0, 0, 0, 1]), np.array([1, 2])]
    answers = [Tagged(tags, np.eye(3)[tags], np.eye(3)[truth]) for tags, truth in zip(decided, truths, strict=True)]
    found = measures(answers, truths)

    assert found["frame_accuracy"] == pytest.approx(4 / 6)
    assert found["memoryless_frame_accuracy"] == 1
    assert found["majority_frame_accuracy"] == pytest.approx(2 / 6)
    pairs = list(zip(decided, truths, strict=True))
    assert found["edit"] == pytest.approx(np.mean([edit_score(*pair) for pair in pairs]))
    assert found["f1_50"] == pytest.approx(np.mean([f1_at(0.5, *pair) for pair in pairs]))


def test_the_stride_fits_the_segments():
    def videos(segment):
        return Videos(["v"], [np.zeros((4 * segment, 2))], [np.repeat([0, 1, 2, 3], segment)])

    assert [fitting_stride(videos(segment)) for segment in (1, 9, 20, 500)] == [1, 2, 5, 8]
    assert fitting_stride(Videos(["v"], [np.zeros((100, 8, 8, 1))], [np.repeat([0, 1], 50)])) == 1


def test_a_tfds_name_with_one_label_a_clip(tmp_path, monkeypatch):
    builder = tfds.builder("ucf101", data_dir=str(tmp_path))
    splits = ("train", "validation", "test")
    known = SimpleNamespace(features=builder.info.features, splits=splits)  # it knows its splits once it is prepared
    made_up = SimpleNamespace(
        info=known, as_dataset=lambda **asked: builder.as_dataset(**asked), data_dir=str(tmp_path)
    )
    monkeypatch.setattr("apps.video_tagging.tagged_videos.prepared_builder", lambda *arguments, **options: made_up)
    names = builder.info.features["label"].names
    with tfds.testing.mock_data(num_examples=2):  # the same two in each split
        videos = load_tagged_videos("ucf101", str(tmp_path), class_names=names)

    assert videos.class_names == names and len(videos.everything) == 6
    for steps, tags in zip(videos.everything.steps, videos.everything.tags, strict=True):
        assert steps.shape == (len(tags), 64, 64, 3) and steps.dtype == np.uint8
        assert len(set(tags.tolist())) == 1
    assert (len(videos.splits["train"]), len(videos.splits["test"])) == (0, 2)  # no video is in two splits


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"units": 0}, "--units must be at least 1, got 0"),
        ({"balance": 2.0}, "--balance must be from 0 to 1, got 2.0"),
        ({"normalize": "video", "bidirectional": False}, "--normalize must be auto, step or none in a causal model"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        VideoTaggingConfig(**settings)


@pytest.mark.parametrize("settings", [{"bidirectional": False, "layers": 2}, {"normalize": "video"}])
def test_exported_files_tag_every_step_of_videos_of_any_length_like_keras(settings, tmp_path):
    config = VideoTaggingConfig(units=6, projection=5, members=2, **settings)
    tagger = build_tagger(config, (6,), 3, stride=2)
    network = unpadded(tagger, config, 3)
    path = tmp_path / "video.tflite"
    path.write_bytes(litert.convert(network, 40, "none", files={DESCRIPTION: b'{"in_step": true}'}))
    file = LiteRTModel(path)
    generator = np.random.default_rng(0)
    videos = [generator.normal(size=(length, 6)).astype("float32") for length in (13, 40, 1)]
    model = build_video_model(tagger, ["a", "b", "c"], None)
    expected = np.concatenate([Tagger(model)(steps).probabilities for steps in videos])

    np.testing.assert_allclose(file.scores(videos), expected, atol=1e-5)
    if not config.bidirectional:  # a stream, two steps at a time, with the state kept inside the file
        parts = [file.run(videos[1][None, at : at + 2], reset=at == 0)[0][0] for at in range(0, 40, 2)]
        np.testing.assert_allclose(np.concatenate(parts), expected[13:53], atol=1e-5)
