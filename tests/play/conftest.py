"""A page with small runs of every app that the tests try in a browser."""

import shutil
import threading

import numpy as np
import pytest

from rnn_keras.play.find_apps import load_app
from tests.helpers.hourly_series import write_hours
from tests.helpers.untrained_runs import make_untrained_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDE = {"width": 1900, "height": 1000}  # all tabs have room
SMALL_TEXTS = ("--units", 4, "--embedding-units", 4)


@pytest.fixture(scope="module")
def apps():
    names = ("sentiment", "addition", "digits", "memory", "wardrobe", "forecasting", "translation", "activity")
    more = ("video_tagging", "captioning", "addition.seq2seq")
    return {f"apps.{name}": load_app(f"apps.{name}") for name in (*names, *more)}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Small files of the kinds that visitors upload, which the runs fit."""
    folder, generator = tmp_path_factory.mktemp("files"), np.random.default_rng(1)
    write_hours(folder / "hours.csv", hours=300)
    lines = ["person,record,x,y,label"]
    for number in range(12):
        for x, y in generator.normal(number % 2, 1, size=(48, 2)):
            lines.append(f"{number // 2},{number},{x:.3f},{y:.3f},{'ab'[number % 2]}")
    (folder / "recordings.csv").write_text("\n".join(lines))
    (folder / "videos").mkdir()
    for number in range(30):
        tags = generator.integers(2, size=20)
        frames = (np.eye(2)[tags][:, :, None, None] * 255 * np.ones((20, 2, 4, 8))).reshape(20, 8, 8, 1)
        np.savez(folder / "videos" / f"{number}.npz", frames=frames.astype(np.uint8), tags=tags)
    return folder


@pytest.fixture(scope="module")
def runs(apps, files, reviews, phrases, shapes, tmp_path_factory):
    """A folder of runs; there is none of addition.seq2seq, and none of them was trained."""
    folder = tmp_path_factory.mktemp("runs")
    arguments = {
        "sentiment": ("--dataset", reviews, "--buckets", 64, *SMALL_TEXTS),
        "addition": ("--digits", 2, "--examples", 300, "--units", 4),
        "digits": ("--filters", 4, "--units", 8),
        "wardrobe": ("--diaries", 40, "--units", 4),
        "forecasting": (
            *("--dataset", files / "hours.csv", "--horizon", 6, "--lookback", 24, "--units", 4, "--members", 1),
        ),
        "translation": ("--dataset", phrases, "--script", "simplified", *SMALL_TEXTS, "--maximum-length", 8),
        "activity": (
            *("--dataset", files / "recordings.csv", "--window", 32, "--stride", 16, "--reduction", 4),
            *("--units", 4, "--filters", 4),
        ),
        "video_tagging": (
            *("--dataset", files / "videos", "--stride", 1, "--ensemble-size", 1, "--units", 4, "--projection", 4),
        ),
        "captioning": (
            *("--dataset", shapes, "--encoder", "cnn", "--size", 32, "--filters", 4, "--maximum-length", 6),
            *SMALL_TEXTS,
        ),
    }
    for name, given in arguments.items():
        make_untrained_run(apps[f"apps.{name}"], folder / name, *given)
    return folder


@pytest.fixture(scope="module")
def address(apps, runs):
    """Where the page answers."""
    pytest.importorskip("gradio", reason='the extra "ui" is not installed')
    import uvicorn

    from rnn_keras.play.server import make_application
    from rnn_keras.utils.sockets import listen

    with listen("127.0.0.1", 0) as listening, make_application(apps, runs) as application:
        server = uvicorn.Server(uvicorn.Config(application, log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_tab(browser, address):
    """A function that opens the page at a tab, by its name; the other addresses that were asked for are an error."""
    contexts, asked = [], set()

    def open_page(name, language="en", **options):
        context = browser.new_context(**{"viewport": WIDE} | options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)  # a busy machine
        page.on("request", lambda request: asked.add(request.url))
        page.goto(f"{address}/{language}/")
        page.locator(f"#tab-{name}-button").click()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert all(url.startswith((address, "data:", "blob:")) for url in asked), asked
