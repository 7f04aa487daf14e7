"""Pictures inside a page itself."""

import base64

PNG_ADDRESS = "data:image/png;base64,"


def encode_png(content: bytes) -> str:
    """The address of a PNG file that holds the file, for `<img src="...">`."""
    return PNG_ADDRESS + base64.b64encode(content).decode()
