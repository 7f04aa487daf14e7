"""Draws `docs/images/play`: each tab of the page with an answer, in a browser, in English and in Chinese.

python -m docs.site.draw_page --runs runs

Needs finished runs of the apps, the extra `ui`, playwright and chromium. A tab without a run is left out, and its
picture stays as it is.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from benchmarks.visitors import start_page

FOLDER = Path(__file__).parents[1] / "images" / "play"
WIDE: ViewportSize = {"width": 1900, "height": 900}  # in which all tabs have room
SIZE: ViewportSize = {"width": 1100, "height": 600}
PHONE: ViewportSize = {"width": 390, "height": 600}
LOCALES = {"en": "en-GB", "zh-Hant": "zh-TW", "zh-Hans": "zh-CN"}
COLORS = 64  # of the palette: text on a plain ground needs few
TALLEST = 1500  # pixels
TIMEOUT = 300_000  # milliseconds, on a busy machine


def click(button: str, shown: str) -> Callable[[Page], None]:
    """Clicks a button and waits for what appears."""

    def act(page: Page) -> None:
        page.locator(f"#{button}").click()
        page.locator(shown).first.wait_for()

    return act


def draw_seven(page: Page) -> None:
    """Draws a digit, and asks what it is."""
    box: Any = page.locator("#digits-canvas canvas").bounding_box()
    for step, (x, y) in enumerate(((0.25, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.85))):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=6)
        if not step:
            page.mouse.down()
    page.mouse.up()
    click("digits-recognise", "#digits-seen img")(page)


def fill_in_week(page: Page) -> None:
    """Asks what to wear on the last day of a spring week."""
    today = page.locator("#wardrobe-today input, #wardrobe-today textarea").first
    expect(today).not_to_have_value("", timeout=TIMEOUT)  # until then, today's date may still come
    today.fill("2026-05-31")
    click("wardrobe-suggest", "#wardrobe-without-memory .rnn-bars")(page)


def describe_second_picture(page: Page) -> None:
    """Asks for a caption of the first picture of the test data, and of the next."""
    click("captioning-example", "#captioning-attention img")(page)
    reference = page.locator("#captioning-answer strong").nth(1)
    first = reference.inner_text()
    page.locator("#captioning-example").click()
    expect(reference).not_to_have_text(first, timeout=TIMEOUT)


# The name of a tab, and what is done in it.
TABS: dict[str, Callable[[Page], None]] = {
    "sentiment": click("sentiment-read", "#sentiment-chart .rnn-heat"),
    "one-hot": click("one-hot-compare", "#one-hot-likeness .rnn-heat >> nth=1"),
    "addition": click("addition-add", "#addition-state .rnn-heat"),
    "digits": draw_seven,
    "memory": click("memory-measure", "#memory-reach .rnn-table"),
    "wardrobe": fill_in_week,
    "forecasting": click("forecasting-example", "#forecasting-table tbody tr"),
    "translation": click("translation-translate", "#translation-attention .rnn-heat"),
    "activity": click("activity-example", "#activity-timeline .rnn-ribbon >> nth=1"),
    "video_tagging": click("video-example", "#video-frame img"),
    "captioning": describe_second_picture,
    "notes": lambda page: page.locator("#tab-notes .katex-display, .katex-display").first.wait_for(),
}


@dataclass
class Options:
    """Draw each tab of the page with an answer."""

    runs: Path = Path("runs")
    """The folder of the run directories."""
    folder: Path = FOLDER
    """Where the pictures are written, `<tab>-<language>.png`."""
    tabs: tuple[str, ...] = tuple(TABS)
    """The tabs."""
    languages: tuple[str, ...] = ("en", "zh-Hant")
    """The languages."""
    phone: bool = False
    """As wide as a phone."""


def main(options: Options) -> None:
    """Starts the page, and draws its tabs."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    options.folder.mkdir(parents=True, exist_ok=True)
    with start_page(options.runs) as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for language in options.languages:
            for tab in options.tabs:
                page = chromium.new_page(viewport=WIDE, reduced_motion="reduce", locale=LOCALES[language])
                page.set_default_timeout(TIMEOUT)
                page.goto(f"{address}/{language}/")
                size = PHONE if options.phone else SIZE
                draw_tab(page, tab, size, options.folder / f"{tab}-{language}.png")
                page.close()
        chromium.close()


def draw_tab(page: Page, tab: str, size: ViewportSize, path: Path) -> None:
    """Opens a tab, tries it, and writes a picture of it."""
    page.locator(f"#tab-{tab}-button").click()
    page.set_viewport_size(size)
    start = page.locator(f"#{tab}-start")
    if start.is_visible():
        print(f"{tab}: there is no run")
        return
    TABS[tab](page)
    page.wait_for_timeout(500)  # of the browser's own drawing
    page.screenshot(path=path, full_page=True)
    picture = Image.open(path).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(picture.height, TALLEST)))
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size // 1000} KB")


if __name__ == "__main__":
    main(tyro.cli(Options))
