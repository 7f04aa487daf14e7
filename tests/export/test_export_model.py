"""Anybody's model in all formats: two inputs, masks with holes, a class of its own, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnn_keras
from rnn_keras.__main__ import main
from rnn_keras.export.export_model import export_model, list_examples
from rnn_keras.export.recurrent.streams import make_stateless
from rnn_keras.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("export_here")
ALL = ("saved_model", "litert", "onnx")


def make_model():
    """Words with a mask, and a vector, into classes and a number."""
    keras.utils.set_random_seed(1)
    words, person = keras.Input((None,), dtype="int32", name="words"), keras.Input((5,), name="person")
    x = keras.layers.Embedding(30, 4, mask_zero=True)(words)
    x = keras.layers.Bidirectional(keras.layers.GRU(3, return_sequences=True))(x)
    x = rnn_keras.LSTM(4)(x)
    x = keras.layers.Concatenate()([x, person])
    return keras.Model([words, person], [keras.layers.Dense(3, activation="softmax")(x), keras.layers.Dense(1)(x)])


def make_examples(count=6):
    generator = np.random.default_rng(1)
    rows = []
    for number in range(count):
        ids = generator.integers(1, 30, 2 + number)
        ids[1:-1] *= generator.random(number) < 0.7  # holes
        rows.append({"words": ids, "person": generator.normal(size=5)})
    return rows


def export(model, folder, *arguments, **options):
    return export_model(model, folder, *arguments, log=lambda line: None, **options)


def test_a_model_with_two_inputs_and_masks_with_holes(tmp_path):
    report = export(make_model(), tmp_path / "mine", ALL, ["none", "int8"], make_examples())["report"]
    saved_model, onnx, litert, int8 = report
    assert max(row["largest_difference"] for row in (saved_model, onnx, litert)) < 1e-6
    assert int8["mean_difference"] < 0.02
    operations = [[layer["operation"] for layer in row["layers"]] for row in report]
    assert operations == [
        [],
        ["GRU", "GRU", "LSTM"],
        ["WHILE", "WHILE", "UNIDIRECTIONAL_SEQUENCE_LSTM"],
        ["WHILE", "WHILE", "UNIDIRECTIONAL_SEQUENCE_LSTM"],
    ]
    runner = rnn_keras.OnnxModel(tmp_path / "mine" / "mine.onnx")
    batch = {name: np.stack([row[name] for row in make_examples()[3:4] * 2]) for name in ("words", "person")}
    for found, expected in zip(runner.run(batch), make_model()([batch["words"], batch["person"]]), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    one = make_examples()[3]
    [answer] = runner.predict([one])
    for name, expected in zip(answer, runner.run_one(one), strict=True):
        np.testing.assert_allclose(answer[name], expected[0] if expected.size > 1 else expected.item())
    assert set(answer) == set(runner.output_names) and len(answer) == 2
    with pytest.raises(UserError, match="takes whole numbers as words; got fractions"):
        runner.run_one({**one, "words": [1, 2.5]})
    for engine in (runner, rnn_keras.LiteRTModel(tmp_path / "mine" / "mine.tflite")):
        with pytest.raises(UserError, match="cannot compute an answer to these inputs"):
            engine.run_one({**one, "words": [1, 3000]})


class OwnModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.lstm = keras.layers.LSTM(4)

    def call(self, inputs):
        return self.lstm(inputs)


@pytest.mark.slow
def test_a_class_of_its_own_on_lengths_that_differ(tmp_path):
    model, generator = OwnModel(), np.random.default_rng(1)
    examples = [generator.normal(size=(2 + number, 3)) for number in range(6)]
    model(examples[0][None])
    report = export(model, tmp_path / "mine", ALL, examples=examples)["report"]
    assert max(row["largest_difference"] for row in report) < 1e-6
    with pytest.raises(UserError, match="the examples of inputs have 2 to 7; pass examples of one length"):
        export(model, tmp_path / "mine", ["litert"], ["int8"], examples)
    export(model, tmp_path / "mine", ["litert"], ["int8"], np.stack([example[:2] for example in examples]))
    with pytest.raises(UserError, match=r"the inputs of the model .* are not known"):
        export(OwnModel(), tmp_path / "other")


@pytest.mark.slow
def test_masked_numbers_are_padded_with_what_the_model_masks(tmp_path):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, keras.layers.GRU(4)(keras.layers.Masking(-1.0)(inputs)))
    examples = [np.random.default_rng(n).normal(size=(2 + n, 3)) for n in range(30)]
    (row,) = export(model, tmp_path / "mine", ["litert"], ["int8"], examples)["report"]
    assert row["mean_difference"] < 0.02


def test_examples_as_predict_takes_them():
    rows = make_examples(3)
    words, person = np.stack([row["words"][:2] for row in rows]), np.stack([row["person"] for row in rows])
    for examples in ([words, person], {"words": words, "person": person}):
        found = list_examples(make_model(), examples)
        assert len(found) == 3 and (found[1]["words"] == words[1]).all() and (found[2]["person"] == person[2]).all()


@pytest.mark.parametrize("kind", ["SimpleRNN", pytest.param("LSTM", marks=pytest.mark.slow)])
def test_streams_in_parts_equal_the_whole(kind, tmp_path):
    keras.utils.set_random_seed(1)
    cls = getattr(keras.layers, kind)
    inputs = keras.Input(batch_shape=(2, None, 3), name="x")
    model = keras.Model(inputs, cls(4, return_sequences=True, stateful=True)(inputs))
    stream = np.random.default_rng(1).normal(size=(1, 12, 3)).astype("float32")
    options = {"examples": np.concatenate(np.split(stream, 3, axis=1)), "calibration": stream, "steps": 4}
    export(model, tmp_path / "mine", ["litert", "onnx"], ["none", "int8"], **options)
    expected = np.asarray(make_stateless(model)(stream))
    for ending, largest in ((".onnx", 1e-6), (".tflite", 1e-6), ("_int8.tflite", 0.05)):
        runner = open_exported(tmp_path / "mine" / f"mine{ending}")
        for _ in range(2):
            parts = [runner.run(stream[:, t : t + 4], reset=t == 0)[0] for t in range(0, 12, 4)]
            assert np.abs(np.concatenate(parts, axis=1) - expected).max() < largest


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_files_for_microcontrollers(kind, tmp_path):
    pytest.importorskip("tflite_micro")
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((None, 3)), getattr(keras.layers, kind)(8), keras.layers.Dense(2)])
    examples = np.random.default_rng(1).normal(size=(50, 20, 3))
    rows = export(model, tmp_path / "mine", ["litert"], ["none", "int8"], examples, target="micro")["report"]
    assert rows[0]["largest_difference"] < 1e-5 and rows[1]["mean_difference"] < 0.02
    assert all(0 < row["arena_bytes"] < 50_000 for row in rows)
    assert (tmp_path / "mine" / "mine_micro_int8.tflite").exists()


def open_exported(path):
    return rnn_keras.OnnxModel(path) if path.suffix == ".onnx" else rnn_keras.LiteRTModel(path)


def test_what_reads_from_the_end_is_no_stream(tmp_path):
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.Bidirectional(rnn_keras.GRU(2))])
    with pytest.raises(UserError, match=r"backward_gru\w* reads from the end"):
        export(model, tmp_path / "mine", stream=True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"formats": ["tflite"]}, "`formats` may have saved_model, litert, onnx; got 'tflite'"),
        ({"formats": []}, "must have at least one"),
        ({"quantize": "int4"}, "`quantize` may have none, dynamic, float16, int8; got 'int4'"),
        ({}, "the model's input words is of int32, for which no examples can be made up; pass examples"),
        ({"examples": [{"words": np.ones(3)}]}, "the examples have no person; expected the model's inputs words, pers"),
        ({"examples": {"words": np.ones((3, 2)), "person": np.ones((2, 5))}}, "as many for each input; got .*3.*2"),
        ({"examples": [np.ones(3)]}, "expected examples that are dicts"),
    ],
)
def test_mistakes_are_sentences(options, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence):
        export(make_model(), tmp_path / "mine", **options)
    assert not (tmp_path / "mine").exists()


def test_ids_are_not_made_up_whatever_the_type_of_the_input(tmp_path):
    model = keras.Sequential([keras.Input((None,), name="ids"), keras.layers.Embedding(9, 3), keras.layers.GRU(2)])
    with pytest.raises(UserError, match=r"the model's input ids goes into an Embedding, for which no examples"):
        export(model, tmp_path / "mine", ["litert"])


def test_a_file_that_differs_from_keras_is_not_kept(tmp_path):
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.GRU(2), keras.layers.Dense(2)])
    with pytest.raises(UserError, match="differs from Keras by more than 1e-12"):
        export(model, tmp_path / "mine", ["litert"], ["float16"], tolerance=1e-12)
    assert not list((tmp_path / "mine").glob("*"))


def test_the_command_does_the_same(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.Sequential([keras.Input((None, 3)), rnn_keras.SimpleRNN(4)]).save("motion.keras")
    np.save("x.npy", np.random.default_rng(1).normal(size=(4, 5, 3)).astype("float32"))
    main(["export", "motion.keras", "--examples", "x.npy", "--formats", "saved_model"])
    assert "saved_models/motion/1" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["export", "motion.keras", "--examples", "motion.keras"])
    assert "motion.keras cannot be read" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["export", "other.keras"])
    shown = capsys.readouterr()
    assert "other.keras does not exist" in shown.err and "loading" not in shown.out


def build_text_model(shape=(), **options):
    """Reads texts by a TextVectorization, and a GRU with a mask."""
    keras.utils.set_random_seed(2)
    vectorization = keras.layers.TextVectorization(max_tokens=20, **options)
    vectorization.adapt(["a lovely film it was", "two lost hours"])
    texts = keras.Input(shape, dtype="string", name="review")
    layers = [vectorization, keras.layers.Embedding(20, 4, mask_zero=True), rnn_keras.GRU(4), keras.layers.Dense(2)]
    if shape == ():
        return keras.Sequential([texts, *layers])
    x = texts
    for layer in layers:
        x = layer(x)
    return keras.Model(texts, x)


@pytest.mark.parametrize(("shape", "length"), [((), None), ((1,), 6)])
def test_texts_are_read_by_the_vocabulary_inside(shape, length, tmp_path, export_here):
    build_text_model(shape, output_sequence_length=length).save(tmp_path / "texts.keras")
    model = keras.models.load_model(tmp_path / "texts.keras")
    texts = np.array(["A lovely film, it was!", "two LOST hours?", "Über films", "it"])
    done = export(model, tmp_path / "texts", ALL, examples=list(texts))
    assert [row["agreement"] for row in done["report"]] == [1, 1, 1]
    expected = model(tf.constant(texts.reshape(-1, *shape))).numpy()
    for runner in (rnn_keras.OnnxModel(done["onnx"]), rnn_keras.LiteRTModel(done["litert"][0])):
        np.testing.assert_allclose(runner.outputs(list(texts)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ngrams": 2}, "`ngrams` is None, got 2"),
        ({"standardize": tf.strings.lower}, "`standardize` is None or 'lower' or"),
        ({"split": None}, "`split` is 'whitespace' or 'character', got None"),
    ],
)
def test_texts_that_only_a_saved_model_reads_are_a_sentence(options, words, tmp_path):
    with pytest.raises(UserError, match=words):
        export_model(build_text_model(**options), tmp_path / "texts", ["onnx"], examples=["a film"])
