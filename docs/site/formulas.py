r"""Formulas, `$h_t$` and `$$h_t = \tanh(...)$$`, as MathML, which browsers draw without a script."""

import html
import re

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    return FORMULA.sub(lambda found: to_mathml(html.unescape(found[3]), found[2] == "["), content)


def to_mathml(formula: str, is_block: bool) -> str:
    return convert(formula.strip(), display="block" if is_block else "inline")
