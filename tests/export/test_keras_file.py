"""Saved models with layers of one's own: their modules are found, and what is missing is said in one sentence."""

import errno
import importlib
import sys
import textwrap
import zipfile

import keras
import numpy as np
import pytest

import rnn_keras
from rnn_keras.export.keras_file import load_keras_file
from rnn_keras.utils.errors import UserError

DOUBLED = """
import keras

@keras.saving.register_keras_serializable(package="mood")
class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs
"""


@pytest.fixture
def write_module(tmp_path, monkeypatch):
    """Writes `mood/<name>.py`, a module that Python finds; what was imported and registered of it is forgotten."""
    monkeypatch.syspath_prepend(tmp_path)

    def forget():
        for name in [name for name in sys.modules if name.split(".")[0] == "mood"]:
            del sys.modules[name]
        custom_objects = keras.saving.get_custom_objects()
        for name in [name for name in custom_objects if name.split(">")[0].split(".")[0] == "mood"]:
            del custom_objects[name]
        importlib.invalidate_caches()

    def write(name, content):
        (tmp_path / "mood").mkdir(exist_ok=True)
        (tmp_path / "mood" / "__init__.py").touch()
        (tmp_path / "mood" / f"{name}.py").write_text(textwrap.dedent(content))
        forget()

    yield write
    forget()


def save(path, layer):
    inputs = keras.Input((1,))
    keras.Model(inputs, layer(inputs)).save(path)
    return path


def predict(model):
    return float(model.predict(np.array([[3.0]]), verbose=0)[0, 0])


@pytest.fixture
def doubled(tmp_path, write_module):
    """A model whose layer is in the module `mood.layers`, which is not imported."""
    write_module("layers", DOUBLED)
    path = save(tmp_path / "model.keras", importlib.import_module("mood.layers").Doubled())
    write_module("layers", DOUBLED)
    return path


def test_the_module_that_the_file_names_is_imported(doubled):
    assert "mood.layers" not in sys.modules
    assert predict(load_keras_file(doubled)) == 6
    assert predict(rnn_keras.load(doubled)) == predict(rnn_keras.load(str(doubled))) == 6


def test_a_class_is_found_where_it_is_now(doubled, write_module, tmp_path):
    """It has moved since the file was saved, and is registered under another name."""
    (tmp_path / "mood" / "layers.py").unlink()
    write_module("other", DOUBLED.replace('package="mood"', 'package="mood.other"'))
    with pytest.raises(UserError, match=r"needs Doubled of the module mood\.layers, which Python does not find here"):
        load_keras_file(doubled)
    write_module("layers", 'import keras\n# import mood.other, which has register_keras_serializable("Doubled")\n')
    assert predict(load_keras_file(doubled, ["mood.other"])) == 6


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (DOUBLED.replace("Doubled", "Tripled"), "does not register it with @keras.saving.register_keras_serializable"),
        (DOUBLED.replace('@keras.saving.register_keras_serializable(package="mood")', ""), "does not register it"),
        (DOUBLED.replace("import keras", "import keras, nothing_of_this_name"), "cannot be imported .*No module named"),
        ("def broken(:\n", "does not register it"),
    ],
)
def test_a_module_without_the_class_is_a_sentence(content, reason, doubled, write_module):
    write_module("layers", content)
    with pytest.raises(UserError, match=reason):
        load_keras_file(doubled)


def test_a_file_cannot_make_python_import_anything_else(tmp_path, write_module):
    write_module("elsewhere", "raise AssertionError('it was imported')\nclass Doubled:\n    pass\n")
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "config.json",
            '{"module": "mood.elsewhere", "class_name": "Doubled", "config": {}, "registered_name": "mood>Doubled"}',
        )
    with pytest.raises(UserError, match=r"needs Doubled of the module mood\.elsewhere, which does not register it"):
        load_keras_file(path)


def test_a_function_is_found_by_its_package_or_in_a_module_that_is_named(tmp_path, write_module):
    content = """
        import keras

        @keras.saving.register_keras_serializable(package=PACKAGE)
        def shout(x):
            return 3 * x
        """
    layer = {"use_bias": False, "kernel_initializer": "ones"}
    for package, modules in (("__name__", ()), ('"mood>own"', ("mood.functions",))):
        write_module("functions", content.replace("PACKAGE", package))
        shout = importlib.import_module("mood.functions").shout
        path = save(tmp_path / "model.keras", keras.layers.Dense(1, activation=shout, **layer))
        write_module("functions", content.replace("PACKAGE", package))
        assert predict(load_keras_file(path, modules)) == 9
    write_module("functions", content.replace("PACKAGE", package))
    with pytest.raises(UserError, match="needs the function mood>own>shout, which no module that was imported"):
        load_keras_file(path)


def test_a_class_of_the_program_itself_is_a_sentence(tmp_path):
    class Mine(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    Mine.__module__ = "__main__"
    path = save(tmp_path / "model.keras", Mine())
    with pytest.raises(UserError, match="needs Mine, which was defined in the program that saved it; move it"):
        load_keras_file(path)


def test_a_layer_that_does_not_return_its_arguments_is_a_sentence(tmp_path, write_module):
    write_module(
        "layers",
        """
        import keras

        @keras.saving.register_keras_serializable(package="mood")
        class Scaled(keras.layers.Layer):
            def __init__(self, factor, **kwargs):
                super().__init__(**kwargs)

            def get_config(self):
                return super().get_config()

            def call(self, inputs):
                return inputs
        """,
    )
    path = save(tmp_path / "model.keras", importlib.import_module("mood.layers").Scaled(2))
    expected = r"Scaled\.__init__\(\) missing 1 .*'factor'.*the code of Scaled is not what it was.*get_config"
    with pytest.raises(UserError, match=expected):
        load_keras_file(path)


def test_what_is_not_a_model_is_a_sentence(tmp_path):
    path = tmp_path / "model.keras"
    with pytest.raises(UserError, match="does not exist; expected a model in Keras's format"):
        rnn_keras.load(path)
    for content in (b"", b"PK not an archive"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"cannot be loaded .* it is damaged or not a model of Keras 3"):
            rnn_keras.load(path)
    for config in ("[1]", "{", "[" * 100_000, "{}"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", config)
        with pytest.raises(UserError, match="cannot be loaded"):
            rnn_keras.load(path)
    with pytest.raises(UserError, match="is not a model; expected the directory of a finished run"):
        rnn_keras.load(tmp_path / "model.h5")
    with pytest.raises(UserError, match="holds no finished run"):
        rnn_keras.load(tmp_path)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "^cannot unpack .* into .*: No space left .* TMPDIR"),
        (MemoryError(), "^cannot load .*: out of memory; end other programs$"),
    ],
)
def test_a_fault_of_the_machine_is_no_damage_of_the_file(error, sentence, tmp_path, monkeypatch):
    keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]).save(tmp_path / "model.keras")

    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(keras.models, "load_model", fail)
    with pytest.raises(UserError, match=sentence):
        load_keras_file(tmp_path / "model.keras")
