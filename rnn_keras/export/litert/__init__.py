"""A network as a LiteRT (TFLite) file, recurrent layers as the operations that LiteRT is fastest with."""
