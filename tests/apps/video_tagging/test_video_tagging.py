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
from apps.video_tagging.data import VideoData, choose_stride
from apps.video_tagging.loss import FrameAccuracy, TagLoss, compute_tag_weights
from apps.video_tagging.metrics import compute_metrics
from apps.video_tagging.model import build_tagger, build_video_model
from apps.video_tagging.segments import edit_score, f1_at
from apps.video_tagging.tagged_videos import Videos, load_tagged_videos
from apps.video_tagging.tagging import StreamTagger, TaggedVideo, VideoTagger
from apps.video_tagging.windows import UNTAGGED, WindowBatches
from rnn_keras.data.classification import ClassificationDataset
from rnn_keras.data.splits import SPLITS
from rnn_keras.training.stateful import StatefulModel
from rnn_keras.utils.errors import UserError
from tests.helpers.new_process import load_in_a_new_process
from tests.helpers.run_files import RUN_FILES

SMALL = ("--units", 12, "--projection", 12, "--dropout", 0, "--input-dropout", 0, "--segment-replacement", 0)
SMALL += ("--batch-size", 8, "--balance", 0.3)
CAUSAL = ("--no-bidirectional", "--window", 20, "--stride", 1, "--normalization", "off")


def command(*arguments):
    VideoTaggingApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


def make_marked_video(generator, length, stretch=8):
    """Features in which a marker of one step shows the tag of all steps up to the next marker: a state is needed."""
    tags, features = np.zeros(length, np.int64), generator.normal(0, 0.1, size=(length, 6))
    for start in range(0, length, stretch):
        tag = generator.integers(3)
        tags[start : start + stretch] = tag
        features[start, tag] = 3
    return features.astype("float32"), tags * 10  # the user's own numbers: 0, 10, 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Videos of very different lengths, in train/ and test/."""
    generator = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("videos")
    for split, lengths in (("train", [16, 30, 200, *[40] * 13]), ("test", [30, 41, 64])):
        (folder / split).mkdir()
        for number, length in enumerate(lengths):
            features, tags = make_marked_video(generator, length)
            np.savez(folder / split / f"video{number}.npz", features=features, tags=tags)
    return folder


@pytest.fixture(scope="module")
def tiny_run(folder, tmp_path_factory):
    """A finished run of one network that reads forward, in windows with the state kept; it has learned little."""
    run_dir = tmp_path_factory.mktemp("runs") / "tiny"
    settings = (*SMALL, *CAUSAL, "--ensemble-size", 1, "--epochs", 1)
    command("train", "--dataset", folder, "--run-dir", run_dir, *settings)
    return run_dir


@pytest.fixture(scope="module")
def causal_run(folder, tmp_path_factory):
    """A finished run of two networks that read forward, in windows with the state kept; it has learned the task."""
    run_dir = tmp_path_factory.mktemp("runs") / "causal"
    settings = (*SMALL, *CAUSAL, "--ensemble-size", 2, "--epochs", 30, "--learning-rate", 0.02)
    command("train", "--dataset", folder, "--run-dir", run_dir, *settings)
    return run_dir


def test_a_run_leaves_what_is_promised(tiny_run):
    metrics = json.loads((tiny_run / "metrics.json").read_text())["test"]

    assert 0 < metrics["majority_frame_accuracy"] < 0.7
    assert {"frame_accuracy", "memoryless_frame_accuracy", "edit", "f1_10", "f1_25", "f1_50", "macro_f1"} <= set(
        metrics
    )
    assert metrics["videos"] == 3 and metrics["frames"] == 30 + 41 + 64
    files = {path.name for path in tiny_run.iterdir()}
    assert files == RUN_FILES
    plots = {path.name for path in (tiny_run / "plots").iterdir()}
    assert plots == {"learning_curves.png", "lengths.png", "ribbons.png", "confusion.png"}


def test_evaluate_gives_the_metrics_of_training_again(tiny_run, capfd):
    command("evaluate", "--run-dir", tiny_run, "--json")
    found = last_line(capfd)
    stored = json.loads((tiny_run / "metrics.json").read_text())["test"]

    assert {name: found[name] for name in stored} == pytest.approx(stored)


def test_predict_returns_tags_and_segments_of_each_video(tiny_run, folder, capfd):
    files = sorted((folder / "test").glob("*.npz"))
    command("predict", "--run-dir", tiny_run, "--json", *files)

    for file, prediction in zip(files, last_line(capfd)["predictions"], strict=True):
        assert len(prediction["tags"]) == len(np.load(file)["tags"]) and set(prediction["tags"]) <= {0, 10, 20}
        rebuilt = [part["tag"] for part in prediction["segments"] for _ in range(part["start"], part["end"])]
        assert rebuilt == prediction["tags"]


@pytest.mark.slow
def test_a_new_process_loads_the_model_with_one_import(tiny_run, folder):
    use = (
        "steps = np.load(sys.argv[2])['features'][None]\n"
        "outputs = model({'steps': steps, 'lengths': np.array([steps.shape[1]])})\n"
        "print(model.name, float(outputs['probabilities'][0, -1, 0]))"
    )
    video = folder / "test" / "video1.npz"
    name, probability = load_in_a_new_process("apps.video_tagging.model", tiny_run, use, video).split()
    model = keras.models.load_model(tiny_run / "model.keras")
    expected = VideoTagger(model)(np.load(video)["features"]).probabilities[-1, 0]
    assert name == "video_tagging" and float(probability) == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
def test_a_causal_model_learns_what_needs_a_state(causal_run):
    metrics = json.loads((causal_run / "metrics.json").read_text())["test"]
    assert metrics["frame_accuracy"] > 0.95 > 0.7 > metrics["memoryless_frame_accuracy"]


@pytest.mark.slow
def test_evaluate_scores_other_data_by_the_models_tags(causal_run, tmp_path, capfd):
    features, tags = make_marked_video(np.random.default_rng(5), 50)
    np.savez(tmp_path / "one.npz", features=features, tags=np.minimum(tags, 10))  # one of the three tags is missing
    command("evaluate", "--run-dir", causal_run, "--dataset", tmp_path, "--split", "all", "--json")
    metrics = last_line(capfd)

    assert metrics["videos"] == 1
    assert metrics["frame_accuracy"] == pytest.approx(np.mean(tags <= 10), abs=0.1)


@pytest.mark.slow
def test_predictions_are_right_and_in_the_users_own_tags(causal_run, folder, capfd):
    files = sorted((folder / "test").glob("*.npz"))
    command("predict", "--run-dir", causal_run, "--json", *files)
    for file, prediction in zip(files, last_line(capfd)["predictions"], strict=True):
        assert accuracy_score(np.load(file)["tags"], prediction["tags"]) > 0.9


@pytest.mark.slow
def test_the_exported_files_are_compared_with_keras(causal_run, tmp_path, export_here, capfd):
    command("export", "--run-dir", causal_run, "--saved-models", tmp_path, "--json")
    report = last_line(capfd)["report"]
    assert [row["format"] for row in report] == ["keras", "saved_model", "litert"]
    assert all(row["agreement"] == 1 and row["frame_accuracy"] > 0.95 for row in report)


@pytest.mark.slow
def test_a_stream_is_tagged_like_the_complete_video(causal_run, folder):
    model = keras.models.load_model(causal_run / "model.keras")
    steps = np.load(folder / "train" / "video2.npz")["features"]
    expected = VideoTagger(model)(steps).probabilities
    for size in (1, 7):
        stream = StreamTagger(model)
        parts = [stream.push(steps[start : start + size]) for start in range(0, len(steps), size)]
        np.testing.assert_allclose(np.concatenate([*parts, stream.finish()]), expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("step_shape", [(6,), (12, 10, 3)])
def test_a_stream_waits_for_the_steps_that_are_averaged(step_shape):
    config = VideoTaggingConfig(units=5, projection=4, bidirectional=False, layers=2, ensemble_size=2)
    tagger = build_tagger(config, step_shape, 3, stride=4)
    model = build_video_model(tagger, ["a", "b", "c"], None)
    generator = np.random.default_rng(0)
    is_features = len(step_shape) == 1
    steps = generator.normal(size=(11, 6)) if is_features else generator.integers(256, size=(11, *step_shape))
    steps = steps.astype(tagger.input["steps"].dtype)
    stream = StreamTagger(model)
    sizes = [len(stream.push(steps[number : number + 1])) for number in range(11)]

    assert sizes == [0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0]
    np.testing.assert_allclose(stream.finish(), VideoTagger(model)(steps).probabilities[8:], atol=1e-6)


def test_a_bidirectional_model_does_not_tag_streams():
    tagger = build_tagger(VideoTaggingConfig(units=5, ensemble_size=1), (6,), 3, stride=1)
    with pytest.raises(UserError, match="train one with --no-bidirectional"):
        StreamTagger(build_video_model(tagger, ["a", "b", "c"], None))


VARIANTS = [
    pytest.param({"cell": "gru", "bidirectional": False, "layers": 2, "ensemble_size": 1}, (6,), 1, id="causal"),
    pytest.param({"ensemble_size": 2}, (6,), 2, id="features", marks=pytest.mark.slow),
    pytest.param(
        {"cell": "simple_rnn", "normalization": "off", "ensemble_size": 1},
        (6,),
        1,
        id="simple_rnn",
        marks=pytest.mark.slow,
    ),
    pytest.param({"cell": "lstm"}, (12, 10, 3), 1, id="frames", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("settings", "step_shape", "stride"), VARIANTS)
class TestModel:
    def make_batches(self, step_shape):
        generator = np.random.default_rng(0)
        lengths = [9, 12, 16, 16]
        tags = [np.repeat(generator.integers(3, size=length), 4)[:length].astype("int32") for length in lengths]
        if len(step_shape) == 1:
            steps = [generator.normal(size=(length, *step_shape)).astype("float32") for length in lengths]
        else:
            steps = [generator.integers(256, size=(length, *step_shape)).astype("uint8") for length in lengths]
        names = ("tags", "memoryless")
        return WindowBatches(steps, tags, 4, 32, stateful=False, shuffle=False, output_names=names)

    def compile_model(self, settings, step_shape, stride):
        keras.utils.set_random_seed(1)
        sizes = {"units": 16, "projection": 16, "dropout": 0.0, "input_dropout": 0.0, "segment_replacement": 0.0}
        network = build_tagger(VideoTaggingConfig(**sizes, **settings), step_shape, 3, stride)
        model = StatefulModel(network.input, network.output)
        loss = {name: TagLoss(np.ones(3)) for name in network.output}
        metrics = {name: [FrameAccuracy()] for name in network.output}
        model.compile(keras.optimizers.Adam(0.01), loss=loss, metrics=metrics)
        return model

    @pytest.mark.slow
    def test_one_step_changes_each_weight_and_many_overfit_a_batch(self, settings, step_shape, stride):
        model = self.compile_model(settings, step_shape, stride)
        before = [weight.numpy() for weight in model.trainable_variables]
        batches = self.make_batches(step_shape).dataset().repeat()
        model.fit(batches, steps_per_epoch=1, verbose=0, shuffle=False)
        for weight, old in zip(model.trainable_variables, before, strict=True):
            assert np.any(weight.numpy() != old), weight.path

        model.fit(batches, steps_per_epoch=150, verbose=0, shuffle=False)
        metrics = model.evaluate(self.make_batches(step_shape).dataset(), verbose=0, return_dict=True)
        assert metrics["tags_frame_accuracy"] > 0.98

    def test_padding_changes_nothing(self, settings, step_shape, stride):
        model = self.compile_model(settings, step_shape, stride)
        (inputs, _), *_ = self.make_batches(step_shape).dataset().as_numpy_iterator()
        together = model({name: inputs[name] for name in ("steps", "lengths")})
        for row, length in enumerate(inputs["lengths"]):
            alone = model({"steps": inputs["steps"][row : row + 1, :length], "lengths": np.array([length])})
            for name in ("tags", "memoryless"):
                np.testing.assert_allclose(together[name][row, :length], alone[name][0], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("window", [10, 64])
def test_training_sees_each_step_of_a_long_video_as_the_final_model_does(window):
    """By the network without memory, whose output depends on the step alone; the level differs between windows."""
    generator = np.random.default_rng(0)
    steps = [generator.normal(np.repeat([[0], [5]], length // 2, axis=0), 1, (length, 6)) for length in (40, 16, 8)]
    steps = [video.astype("float32") for video in steps]
    tags = [np.arange(len(video), dtype="int32") % 3 for video in steps]
    videos = Videos(["a", "b", "c"], steps, tags)
    config = VideoTaggingConfig(units=4, projection=4, ensemble_size=1, window=window, batch_size=8)
    dataset = ClassificationDataset("some", ["x", "y", "z"], dict.fromkeys(SPLITS, videos), videos)
    app, data = VideoTaggingApp(), VideoData(config, dataset, stride=2)
    network = app.build_network(config, data, "adam")
    tagger = VideoTagger(app.build_model(network, data, config))
    expected = [tagger(video).memoryless for video in steps]

    assert data.is_normalized == (window == 10)  # twice as many steps, since two become one
    for batches in (data.training_batches(config), data.windows("validation", 8)):
        seen = dict.fromkeys(range(3), 0)
        for indices in batches.plan(0):
            inputs = dict(zip(("steps", "lengths"), batches.batch(indices)[:2], strict=True))
            outputs = network(inputs)["memoryless"].numpy()
            for row, example in enumerate(indices[1:]):
                video, start, length = batches._examples[example]
                np.testing.assert_allclose(outputs[row, :length], expected[video][start : start + length], atol=1e-5)
                seen[video] += length
        assert seen == {0: 40, 1: 16, 2: 8}


@pytest.mark.slow
def test_the_convolutions_read_long_videos_in_parts(monkeypatch):
    config = VideoTaggingConfig(units=5, bidirectional=False)
    model = build_video_model(build_tagger(config, (12, 10, 1), 3, 1), ["a", "b", "c"], None)
    frames = np.random.default_rng(0).integers(256, size=(23, 12, 10, 1)).astype("uint8")
    expected = VideoTagger(model)(frames)
    monkeypatch.setattr("apps.video_tagging.tagging.FRAMES_PER_CALL", 5)
    np.testing.assert_allclose(VideoTagger(model)(frames).probabilities, expected.probabilities, atol=1e-6)


def test_loss_and_accuracy_leave_padding_out_and_weight_tags():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(3), size=(2, 4)).astype("float32")
    truth = np.array([[0, 1, 2, UNTAGGED], [1, UNTAGGED, UNTAGGED, UNTAGGED]])
    weights = np.array([1.0, 2.0, 0.5])
    tagged = [(row, step) for row, step in np.ndindex(2, 4) if truth[row, step] != UNTAGGED]
    losses = [-np.log(probabilities[row, step, truth[row, step]]) for row, step in tagged]
    expected = np.average(losses, weights=[weights[truth[index]] for index in tagged])

    assert float(TagLoss(weights)(truth, probabilities)) == pytest.approx(expected, rel=1e-5)
    accuracy = FrameAccuracy()
    accuracy.update_state(truth, probabilities)
    assert float(accuracy.result()) == pytest.approx(
        np.mean([probabilities[index].argmax() == truth[index] for index in tagged])
    )


def test_tag_weights_balance_the_tags():
    tags = [np.array([0, 0, 0, 0, 0, 0]), np.array([1, 1, 2])]
    counts = np.array([6, 2, 1, 1])  # the fourth never occurs

    np.testing.assert_allclose(compute_tag_weights(tags, 4, 0.0), 1)
    balanced = compute_tag_weights(tags, 4, 1.0)
    np.testing.assert_allclose((balanced * counts)[:3], (balanced * counts)[0])
    half = compute_tag_weights(tags, 4, 0.5)
    assert np.average(half, weights=counts) == pytest.approx(1) and 1 < half[2] / half[0] < balanced[2] / balanced[0]


def test_metrics_are_over_all_steps_or_means_over_videos():
    truths = [np.array([0, 0, 1, 1]), np.array([2, 2])]
    predicted = [np.array([0, 0, 0, 1]), np.array([1, 2])]
    tagged = [
        TaggedVideo(tags, np.eye(3)[tags], np.eye(3)[truth]) for tags, truth in zip(predicted, truths, strict=True)
    ]
    found = compute_metrics(tagged, truths)

    assert found["frame_accuracy"] == pytest.approx(4 / 6)
    assert found["memoryless_frame_accuracy"] == 1
    assert found["majority_frame_accuracy"] == pytest.approx(2 / 6)
    pairs = list(zip(predicted, truths, strict=True))
    assert found["edit"] == pytest.approx(np.mean([edit_score(*pair) for pair in pairs]))
    assert found["f1_50"] == pytest.approx(np.mean([f1_at(0.5, *pair) for pair in pairs]))


def test_the_stride_is_chosen_by_the_segments():
    def make_videos(segment):
        return Videos(["v"], [np.zeros((4 * segment, 2))], [np.repeat([0, 1, 2, 3], segment)])

    assert [choose_stride(make_videos(segment)) for segment in (1, 9, 20, 500)] == [1, 2, 5, 8]
    assert choose_stride(Videos(["v"], [np.zeros((100, 8, 8, 1))], [np.repeat([0, 1], 50)])) == 1


@pytest.mark.slow
def test_a_tfds_name_with_one_label_per_clip(tmp_path, monkeypatch):
    builder = tfds.builder("ucf101", data_dir=str(tmp_path))
    info = SimpleNamespace(features=builder.info.features, splits=SPLITS)  # it knows its splits once it is prepared
    fake = SimpleNamespace(
        info=info, as_dataset=lambda **options: builder.as_dataset(**options), data_dir=str(tmp_path)
    )
    monkeypatch.setattr("rnn_keras.data.tfds_source.TFDSSource.prepare", lambda *arguments, **options: fake)
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
        ({"ensemble_size": 0}, "--ensemble-size must be at least 1, got 0"),
        ({"balance": 2.0}, "--balance must be from 0 to 1, got 2.0"),
        ({"normalization": "instance", "bidirectional": False}, "--normalization must be layer or off with --no-bidir"),
    ],
)
def test_invalid_settings_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        VideoTaggingConfig(**settings)
