"""The main job in one go, as `make demo` runs it: train, evaluate, export, predict on the packaged reviews."""

import json
import time
from pathlib import Path

from rich.table import Table

from apps.sentiment.__main__ import SentimentApp
from rnn_keras.export.saved_model import versions
from rnn_keras.utils.terminal import console

RUN_DIR = Path("runs/demo")
SENTENCES = (
    "A moving, funny and beautifully acted film that I would happily see again.",
    "Two hours of my life that nobody is ever going to give back.",
    "Not the masterpiece that some call it, but not bad at all.",
)


def demo() -> None:
    started = time.perf_counter()
    app = SentimentApp()
    for command in (["train", "--overwrite"], ["evaluate"], ["export"]):
        console.rule(f"python -m apps.sentiment {' '.join(command)} --run-dir {RUN_DIR}")
        app.main([*command, "--run-dir", str(RUN_DIR)])
    console.rule("python -m apps.sentiment predict ...")
    app.main(["predict", "--run-dir", str(RUN_DIR), *SENTENCES])
    metrics = json.loads((RUN_DIR / "metrics.json").read_text(encoding="utf-8"))
    exported = Path("saved_models") / app.name
    table = Table("", "", title="movie reviews, LSTM with explicit gates", show_header=False)
    table.add_row("test accuracy", f"{metrics['test']['accuracy']:.3f} of {metrics['test']['examples']} texts")
    table.add_row("seconds", f"{metrics['seconds']['total']:.0f} training, {time.perf_counter() - started:.0f} in all")
    table.add_row("model", str(RUN_DIR / "model.keras"))
    table.add_row("SavedModel", str(exported / str(versions(exported)[-1])))
    table.add_row("LiteRT", str(exported / f"{app.name}.tflite"))
    table.add_row("plots", str(RUN_DIR / "plots"))
    console.print(table)


if __name__ == "__main__":
    demo()
