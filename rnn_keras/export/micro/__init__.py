"""LiteRT files for microcontrollers: their operators, their memory, and tflite-micro's own interpreter."""
