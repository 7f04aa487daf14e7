"""Every tab in a real browser: what it answers is what the commands answer."""

import dataclasses
import os
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rnn_keras.cli.settings import load_finished_run
from tests.helpers.bad_files import CASES

pytest.importorskip("httpx")  # comes with gradio
from benchmarks.page_client import PageClient

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_models")]
MISTAKES = [name for name in CASES if "to predict for" in name and name.split(":")[0] in ("digits", "captioning")]
VIDEOS = [name for name in CASES if name.startswith("video_tagging") and CASES[name].arguments[-1] == "{}"]


@pytest.fixture
def predict(apps, runs):
    """What the command `predict` answers; without its figures, which take longer than the answers."""

    def run(name, *inputs):
        app = apps[f"apps.{name}"]
        finished = dataclasses.replace(load_finished_run(app, runs / name), draws_figures=False)
        return app.predict(finished, app.read_inputs([os.fsencode(given) for given in inputs]))

    return run


def read_number(text):
    return float(re.findall(r"\d\.\d{3}", text)[0])


def read_bars(page, selector):
    """The names and values of a chart of bars."""
    rows = page.locator(f"{selector} .rnn-bars tr").all()
    return {row.locator("th").inner_text(): float(row.locator("td").last.inner_text()) for row in rows}


def test_sentiment(open_tab, predict):
    text = "A lovely film, the actors was awful <b>!"
    [prediction] = predict("sentiment", text)
    page = open_tab("sentiment")
    page.locator("#sentiment-text textarea").fill(text)
    page.locator("#sentiment-read").click()
    page.locator(".rnn-word").first.wait_for()
    answer = page.locator("#sentiment-answer").inner_text()
    assert prediction["label"] in answer and read_number(answer) == pytest.approx(prediction["score"], abs=1e-3)
    words = page.locator(".rnn-word")
    assert words.all_inner_texts()[:4] == ["a", "lovely", "film", ","] and "<" in words.all_inner_texts()
    last = float(words.last.get_attribute("data-tip"))
    assert last == pytest.approx(prediction["probabilities"]["pos"], abs=1e-3)

    # Another gate of the same text, without reading it again; and by keyboard.
    gate = page.locator("#sentiment-gate input")
    gate.click()
    page.get_by_role("option", name="forget gate, backwards").click()
    page.locator("#sentiment-chart figcaption", has_text="forget gate, backwards: unit 1 of 4").wait_for()
    page.locator("#sentiment-text textarea").fill(" ")
    page.locator("#sentiment-read").focus()
    page.keyboard.press("Enter")
    page.locator("#sentiment-message", has_text="There is nothing to predict for yet").wait_for()


def test_one_hot(open_tab, apps, runs):
    from apps.sentiment.word_vectors import get_vectors
    from rnn_keras.diagnostics import cosine_similarities
    from rnn_keras.training.run_directory import RunDirectory

    page = open_tab("one-hot")
    page.locator("#one-hot-text textarea, #one-hot-text input").first.fill("lovely awful film")
    page.locator("#one-hot-before input").check()
    page.locator("#one-hot-compare").click()
    page.locator("#one-hot-likeness table").nth(2).wait_for()
    model = RunDirectory(runs / "sentiment").load_model(("apps.sentiment.model",))
    index = model.get_layer("text_vectorization").get_vocabulary().index
    vectors = get_vectors(apps["apps.sentiment"].get_network(model))[[index(word) for word in ("lovely", "awful")]]
    expected = f"{cosine_similarities(vectors)[0, 1]:.2f}"
    # The run is not trained: the network that is built again has the very same vectors.
    for table in (1, 2):
        assert page.locator("#one-hot-likeness table").nth(table).locator("td").nth(2).inner_text() == expected
    page.locator("#one-hot-text textarea, #one-hot-text input").first.fill("lovely xyzzy")
    page.locator("#one-hot-compare").click()
    page.locator("#one-hot-message", has_text="lacks xyzzy").wait_for()


def test_addition(open_tab, predict):
    page = open_tab("addition")
    for first, second in (("95", "17"), ("4", "608")):
        page.locator("#addition-first input, #addition-first textarea").first.fill(first)
        page.locator("#addition-second input, #addition-second textarea").first.fill(second)
        page.locator("#addition-add").click()
        [answer] = predict("addition", f"{first}+{second}")
        page.locator("#addition-answer strong", has_text=re.compile(f"^{answer}$")).wait_for()
        shown = "".join(page.locator(".rnn-sum td").all_inner_texts()).strip()
        assert shown == answer
    page.locator("#addition-first input, #addition-first textarea").first.fill("twelve")
    page.locator("#addition-add").click()
    page.locator("#addition-message", has_text="'twelve+608' is not a sum").wait_for()


def test_digits_that_are_drawn(open_tab, predict, files):
    page = open_tab("digits")
    page.locator("#digits-recognise").click()
    page.locator("#digits-message", has_text="The canvas is empty").wait_for()
    box = page.locator("#digits-canvas canvas").bounding_box()
    for step, (x, y) in enumerate(((0.3, 0.2), (0.7, 0.2), (0.45, 0.85))):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if not step:
            page.mouse.down()
    page.mouse.up()
    page.locator("#digits-recognise").click()
    page.locator("#digits-seen img").wait_for()
    assert read_bars(page, "#digits-answer") and not page.locator("#digits-message").inner_text().strip()

    from PIL import Image

    Image.fromarray(np.tile(np.arange(0, 240, 30, dtype=np.uint8), (8, 1))).save(files / "stripes.png")
    [prediction] = predict("digits", files / "stripes.png")
    page.locator("#digits-file input[type=file]").set_input_files(files / "stripes.png")
    expected = f"{prediction['label']} ({prediction['score']:.3f})"
    page.locator("#digits-answer strong", has_text=expected).wait_for()
    bars = read_bars(page, "#digits-answer")
    assert bars == pytest.approx(prediction["probabilities"], abs=1e-3)


def test_memory(open_tab, eager_functions):
    from apps.memory.play import measure_sentence

    page = open_tab("memory")
    page.locator("#memory-text input, #memory-text textarea").first.fill("Now is it here")
    page.locator("#memory-measure").click()
    page.locator("#memory-reach .rnn-chart").wait_for()
    flows = measure_sentence(["Now", "is", "it", "here"], 3.0, False)
    shown = [row.locator("td").nth(1).inner_text() for row in page.locator("#memory-reach tbody tr").all()]
    for text, flow in zip(shown, flows.values(), strict=True):
        assert float(text[:-1]) == pytest.approx(100 * flow.inputs[-1] / flow.inputs[0], rel=0.01)
    page.locator("#memory-explode").click()
    page.locator("#memory-flow figcaption", has_text="It explodes: 18 steps back").wait_for()  # 1.5 ** 18 = 1478


def test_wardrobe(open_tab, predict, files):
    from playwright.sync_api import expect

    page = open_tab("wardrobe")
    today = page.locator("#wardrobe-today input, #wardrobe-today textarea").first
    days = [*(f"{day} days ago" for day in range(6, 1, -1)), "Yesterday"]
    fields = [page.get_by_label(f"{day}: clothes") for day in days]
    for field in (today, *fields):  # which are filled in when the page or the tab is opened
        expect(field).not_to_have_value("", timeout=120_000)
    clothes = [field.input_value() for field in fields]
    today.fill("2026-05-31")
    weather = ["sunny,21", "cloudy,18", "rainy,14", "rainy,12", "cloudy,16", "sunny,22", "sunny,24"]
    rows = [f"2026-05-{25 + day},{weather[day]},{worn}" for day, worn in enumerate([*clothes, ""])]
    (files / "diary.csv").write_text("\n".join(["date,weather,temperature,clothes", *rows]))
    [prediction] = predict("wardrobe", files / "diary.csv")
    page.locator("#wardrobe-suggest").click()
    page.locator("#wardrobe-answer strong", has_text=f"{prediction['clothes']} ({prediction['score']:.3f})").wait_for()
    today.fill("tomorrow")
    page.locator("#wardrobe-suggest").click()
    page.locator("#wardrobe-message", has_text="expected a day such as").wait_for()


def test_forecasting(open_tab, predict, files):
    [prediction] = predict("forecasting", files / "hours.csv")
    page = open_tab("forecasting")
    page.locator("#forecasting-file input[type=file]").set_input_files(files / "hours.csv")
    page.locator("#forecasting-file", has_text="hours.csv").wait_for()
    page.locator("#forecasting-forecast").click()
    page.locator("#forecasting-table tbody tr").first.wait_for()
    rows = page.locator("#forecasting-table tbody tr").all()
    assert len(rows) == len(prediction["steps"])
    for row, step in list(zip(rows, prediction["steps"], strict=True))[::4]:
        shown = row.locator("td").all_inner_texts()
        assert shown[0] == step["time"] and float(shown[2]) == pytest.approx(step["forecast"], abs=1e-3)
    assert page.locator("#forecasting-charts polygon").count()


def test_translation(open_tab, predict):
    text = "I see two red birds."
    [prediction] = predict("translation", text)
    page = open_tab("translation")
    page.locator("#translation-text input, #translation-text textarea").first.fill(text)
    page.locator("#translation-translate").click()
    page.locator("#translation-attention thead th").first.wait_for()  # until then it is being written
    assert page.locator("#translation-answer strong").inner_text() == prediction["translation"]
    candidates = [row.locator("td").all_inner_texts() for row in page.locator("#translation-candidates tbody tr").all()]
    assert candidates[0][1] == prediction["translation"]
    assert [float(row[2]) for row in candidates] == sorted((float(row[2]) for row in candidates), reverse=True)
    assert page.locator("#translation-attention thead th").all_inner_texts()[:2] == ["i", "see"]


def test_activity_and_videos(open_tab, predict, files):
    [prediction] = predict("activity", files / "recordings.csv")
    page = open_tab("activity")
    page.locator("#activity-file input[type=file]").set_input_files(files / "recordings.csv")
    page.locator("#activity-file", has_text="recordings.csv").wait_for()
    page.locator("#activity-recognise").click()
    page.locator("#activity-answer strong", has_text=f"{prediction['label']} ({prediction['score']:.3f})").wait_for()
    assert page.locator("#activity-timeline .rnn-ribbon span").count() == len(prediction["segments"])

    [prediction] = predict("video_tagging", files / "videos" / "0.npz")
    page.locator("#tab-video_tagging-button").click()
    page.locator("#video-file input[type=file]").set_input_files(files / "videos" / "0.npz")
    page.locator("#video-file", has_text="0.npz").wait_for()
    page.locator("#video-tag").click()
    page.locator("#video-frame figcaption", has_text=f"Frame 1: {prediction['tags'][0]}").wait_for()
    ribbon = page.locator("#video-ribbons .rnn-ribbon").first.locator("span")
    assert ribbon.all_inner_texts() == [str(segment["tag"]) for segment in prediction["segments"]]
    page.locator("#video-example").click()
    page.locator("#video-ribbons .rnn-ribbon").nth(2).wait_for()  # that of the true tags


def test_examples_are_offered_where_the_data_are(open_tab, files):
    page = open_tab("activity")
    page.locator("#activity-example").click()
    page.locator("#activity-timeline .rnn-ribbon").nth(1).wait_for()
    moved = (files / "recordings.csv").rename(files / "elsewhere.csv")
    try:
        page = open_tab("activity")
        page.locator("#activity-recognise").click()
        page.locator("#activity-message", has_text="There is nothing to predict for yet").wait_for()
        assert not page.locator("#activity-example").is_visible()
    finally:
        moved.rename(files / "recordings.csv")


def test_captioning(open_tab, predict, shapes):
    picture = shapes / "images" / "3.png"
    [prediction] = predict("captioning", picture)
    page = open_tab("captioning", "zh-Hant")
    page.locator("#captioning-file input[type=file]").set_input_files(picture)
    page.locator("#captioning-file", has_text="3.png").wait_for()
    page.locator("#captioning-describe").click()
    page.locator("#captioning-attention img").wait_for()
    assert page.locator("#captioning-answer strong").inner_text() == (prediction["caption"] or "-")
    assert page.locator("#captioning-answer span").inner_text() == "描述："
    assert page.evaluate("document.documentElement.lang") == "zh-Hant"

    page.locator("#captioning-example").click()
    page.locator("#captioning-answer .rnn-answer", has_text="資料中的描述").wait_for()


def test_bad_files_are_a_sentence_each_and_removed(open_tab, tmp_path):
    page, number = open_tab("digits"), 0
    uploads = os.environ["GRADIO_TEMP_DIR"]
    for name in (*MISTAKES, *VIDEOS[:12]):
        app, folder = name.split(":")[0], tmp_path / str(number)
        folder.mkdir()
        CASES[name].write(folder)
        [bad] = folder.iterdir()
        bad = bad.rename(folder / f"bad{number}{bad.suffix}")  # by which its sentence is told from the one before
        tab = {"video_tagging": "video"}.get(app, app)
        page.locator(f"#tab-{app}-button").click()
        page.locator(f"#{tab}-file input[type=file]").set_input_files(bad)
        if app != "digits":
            page.locator(f"#{tab}-file", has_text=f"bad{number}").wait_for()
            page.locator(f"#{tab}-{'tag' if tab == 'video' else 'describe'}").click()
        page.locator(f"#{app}-message .rnn-alert", has_text=f"bad{number}").wait_for()
        sentence = page.locator(f"#{app}-message").inner_text()
        assert len(sentence) < 1000 and uploads not in sentence and "Traceback" not in sentence
        number += 1
    assert number >= 20
    assert not [file for _, _, files in os.walk(uploads) for file in files if file.startswith("bad")]


def test_ten_visitors_at_once_get_their_own_answers(address, predict):
    """Without a browser, of which ten would be slow."""
    client = PageClient(address)

    def add(visitor):
        pairs = [[f"{7919 * (visitor + 1)}", f"{104729 + number}"] for number in range(3)]
        return [("+".join(pair), client.click("addition-add", pair)) for pair in pairs]

    with ThreadPoolExecutor(10) as pool:
        answers = [answer for of_one in pool.map(add, range(10)) for answer in of_one]
    assert len(answers) == 30
    for (_, shown), expected in zip(answers, predict("addition", *(given for given, _ in answers)), strict=True):
        message, answer, *_ = shown
        assert message == "" and f"<strong>{expected}</strong>" in answer


def test_a_tab_without_a_run_starts_a_training_and_cancels_it(open_tab):
    page = open_tab("addition_seq2seq")
    page.get_by_text("python -m apps.addition.seq2seq train").wait_for()
    page.locator("#addition_seq2seq-start").click()
    page.locator("#addition_seq2seq-progress progress").wait_for()
    page.locator("#tab-addition-button").click()  # meanwhile the others answer
    page.locator("#addition-add").click()
    page.locator("#addition-answer strong").wait_for()
    page.locator("#tab-addition_seq2seq-button").click()
    page.locator("#addition_seq2seq-cancel").click()
    page.locator("#addition_seq2seq-progress", has_text="Cancelled after").wait_for()


@pytest.mark.parametrize("language", ["en", "zh-Hant", "zh-Hans"])
def test_a_phone_shows_it_without_scrolling_sideways(open_tab, language):
    page = open_tab("sentiment", language, viewport={"width": 390, "height": 844})
    page.locator("#sentiment-read").click()
    page.locator(".rnn-word").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_notes_have_their_equations_and_lead_to_the_tabs(open_tab):
    from rnn_keras.play.notes import EQUATIONS

    page = open_tab("notes", "zh-Hant")
    page.get_by_role("heading", name="7. LSTM").wait_for()
    page.locator(".katex-display").nth(len(EQUATIONS) - 1).wait_for()
    assert page.locator(".katex-display").count() == len(EQUATIONS) and not page.locator(".katex-error").count()
    page.locator("#notes-carry-addition").click()
    page.locator("#addition-add").wait_for()
