"""What layers keep beside their weights, for a copy of a model."""

import tempfile
from typing import Any

import keras

LOOKUPS = (keras.layers.TextVectorization, keras.layers.StringLookup, keras.layers.IntegerLookup)


def copy_assets(model: keras.Model, copy: keras.Model) -> None:
    """Gives the layers of a copy what `set_weights` does not: vocabularies, and values derived from weights.

    An adapted TextVectorization, StringLookup or IntegerLookup has its vocabulary in a table; Normalization computes
    with values that it derives from its weights. Other layers do what they do where a file is saved and loaded.

    Args:
        model: any.
        copy: of the same layers in the same order, some of other classes, with the same weights.
    """
    for old, new in zip(_list_layers(model), _list_layers(copy), strict=True):
        if type(old) is not type(new):
            continue
        if type(new).load_own_variables is not keras.layers.Layer.load_own_variables:
            store: dict[str, Any] = {}
            old.save_own_variables(store)
            new.load_own_variables(store)
        if isinstance(new, LOOKUPS):
            _copy_vocabulary(old, new)
        elif hasattr(new, "load_assets"):
            with tempfile.TemporaryDirectory() as folder:
                old.save_assets(folder)
                new.load_assets(folder)


def _list_layers(model: keras.Model) -> list[Any]:
    """Each layer once, those inside of others included; without models and inputs, which a copy may have otherwise."""
    layers = {id(layer): layer for layer in model._flatten_layers()}.values()
    return [layer for layer in layers if not isinstance(layer, keras.Model | keras.layers.InputLayer)]


def _copy_vocabulary(old: Any, new: Any) -> None:
    """Not by a file, in which Keras loses words with line breaks, and an empty one at the end."""
    words = old.get_vocabulary()
    if words == new.get_vocabulary():  # not adapted, or given in the configuration
        return
    weights = getattr(old, "_lookup_layer", old)
    has_weights = weights.output_mode == "tf_idf"
    new.set_vocabulary(words, **({"idf_weights": weights.idf_weights_const.numpy()} if has_weights else {}))
