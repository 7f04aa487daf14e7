"""A network as an ONNX file, recurrent layers as ONNX's own operators."""
