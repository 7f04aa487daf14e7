"""Trained models as files that other systems run: SavedModel, LiteRT and ONNX, compared with Keras."""

FORMATS = ("saved_model", "litert", "onnx")
QUANTISATIONS = ("none", "dynamic", "float16", "int8")
