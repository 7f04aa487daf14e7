"""Docstrings as mkdocstrings understands them: examples are code, and each formula is a block of its own."""

import re
from typing import Any

from griffe import Extension, Object

FORMULA = re.compile(r"^(\s*\$\$.*\$\$)\s*$", re.MULTILINE)


class Docstrings(Extension):
    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            text = re.sub(r"^(\s*)Example:$", r"\1Examples:", obj.docstring.value, flags=re.MULTILINE)
            text = re.sub(r"^(\s*)Call arguments:$", r"\1Args: Call arguments:", text, flags=re.MULTILINE)
            obj.docstring.value = FORMULA.sub(r"\1\n", text)
