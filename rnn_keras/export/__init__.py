"""Models as files that other systems run, and what runs them."""

FORMATS = ("saved_model", "litert")
QUANTISATIONS = ("none", "dynamic", "float16", "int8")


def __getattr__(name):
    # Not imported at the top, because what is beside it needs TensorFlow, and the runner must do without.
    if name == "LiteRTModel":
        from rnn_keras.export.runner import LiteRTModel

        return LiteRTModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
