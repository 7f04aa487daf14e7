"""The commands' manners: sentences instead of tracebacks, one JSON line, runs that go on after a kill."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from apps.sentiment.__main__ import SentimentApp

SENTIMENT = [sys.executable, "-m", "apps.sentiment"]


def run(*arguments, **kwargs):
    return subprocess.run([*SENTIMENT, *map(str, arguments)], capture_output=True, text=True, timeout=300, **kwargs)


def one_sentence(done):
    """The one line on standard error of a command that refused."""
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1, done.stderr
    return lines[0]


# A command that must answer before TensorFlow is imported, which takes seconds.
FAST = (
    "import sys\n"
    "from apps.sentiment.__main__ import SentimentApp\n"
    "try:\n"
    "    SentimentApp().main(sys.argv[1:])\n"
    "finally:\n"
    "    assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
)


def run_fast(*arguments, **kwargs):
    command = [sys.executable, "-c", FAST, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **kwargs)


def test_help_lists_the_commands_and_every_flag_without_tensorflow():
    assert all(name in run_fast("--help").stdout for name in ("train", "evaluate", "predict", "export"))
    done = run_fast("train", "--help")

    assert done.returncode == 0, done.stderr
    for flag in ("--dataset", "--cell", "--units", "--pooling", "--input", "--clip-norm", "--seed", "--run-dir"):
        assert flag in done.stdout


def test_a_typing_error_in_a_flag_is_met_with_the_right_one():
    done = run("train", "--epocs", "3")
    assert done.returncode == 2
    assert "--epochs" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_users_mistakes_are_one_sentence(tmp_path):
    (tmp_path / "reviews.csv").write_text("review,stars\nfine,5\n")

    assert "nothere.csv" in one_sentence(run("train", "--dataset", tmp_path / "nothere.csv", "--run-dir", tmp_path))
    sentence = one_sentence(run("train", "--dataset", tmp_path / "reviews.csv", "--run-dir", tmp_path / "run"))
    assert "review" in sentence and "text" in sentence
    assert "--units must be at least 1" in one_sentence(run("train", "--units", "0", "--run-dir", tmp_path))
    assert "holds no finished run" in one_sentence(run("predict", "--run-dir", tmp_path / "none", "fine"))


def test_a_mistake_with_overwrite_loses_nothing(sentiment_run, tmp_path):
    (tmp_path / "reviews.csv").write_text("review,stars\nfine,5\n")
    before = (sentiment_run / "metrics.json").read_bytes()
    sentence = one_sentence(
        run("train", "--dataset", tmp_path / "reviews.csv", "--run-dir", sentiment_run, "--overwrite")
    )

    assert "no column" in sentence or "columns named" in sentence
    assert (sentiment_run / "metrics.json").read_bytes() == before
    assert (sentiment_run / "model.keras").exists()


def test_data_out_of_reach_are_told_at_once(tmp_path):
    """A proxy that refuses every connection stands for a machine without a network."""
    environment = os.environ | dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    command = ("train", "--dataset", "imdb_reviews", "--data-dir", tmp_path, "--run-dir", tmp_path / "run")
    sentence = one_sentence(run_fast(*command, env=environment))

    assert all(part in sentence for part in ("cannot be reached", "aclImdb", "--data-dir", "movie_snippets"))


def test_users_text_is_shown_as_it_is(sentiment_run, capfd):
    SentimentApp().main(["predict", "--run-dir", str(sentiment_run), "a [/b] [bold]film :smile:"])

    assert "a [/b] [bold]film :smile:" in capfd.readouterr().out


DAMAGE = {
    "model.keras": lambda content: content[: len(content) // 2],
    "model.keras, a byte": lambda content: content[:3000] + b"\xff\x00\xff" + content[3003:],
    "config.json": lambda content: b"[1]",
    "config.json, a type": lambda content: content.replace(b'"units": 8', b'"units": "x"'),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_run_is_told(sentiment_run, tmp_path, what, capfd):
    shutil.copytree(sentiment_run, tmp_path / "run")
    file = tmp_path / "run" / what.split(",")[0]
    file.write_bytes(DAMAGE[what](file.read_bytes()))
    with pytest.raises(SystemExit) as ended:
        SentimentApp().main(["predict", "--run-dir", str(tmp_path / "run"), "fine"])

    assert ended.value.code == 2
    assert file.name in capfd.readouterr().err


def write_reviews(path, count=400):
    generator = random.Random(1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(count):
            words = generator.choices(["the", "a", "film", "plot", "was", "it"], k=6)
            writer.writerow([" ".join([*words, ["awful", "lovely"][number % 2], str(number)]), number % 2])


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_killed_run_goes_on_with_the_same_command(tmp_path):
    write_reviews(tmp_path / "reviews.csv")
    run_dir = tmp_path / "run"
    small = [
        "--units",
        "4",
        "--embedding-units",
        "4",
        "--epochs",
        "16",
        "--patience",
        "16",
        "--learning-rate",
        "0.01",
        "--batch-size",
        "8",
    ]
    command = ["train", "--dataset", str(tmp_path / "reviews.csv"), "--run-dir", str(run_dir), *small, "--json"]
    child = subprocess.Popen([*SENTIMENT, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    state = run_dir / "checkpoint" / "state.json"
    deadline = time.monotonic() + 250
    while not (state.exists() and len(json.loads(state.read_text())["epochs"]) >= 2):
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (run_dir / "metrics.json").exists()
    assert "other settings" in one_sentence(run(*[*command[:-1], "--seed", "7"]))

    done = run(*command)

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["test"]["accuracy"] > 0.9
    assert "going on after epoch" in done.stderr
    with (run_dir / "history.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == list(range(1, 17))
    assert not (run_dir / "checkpoint").exists()
    assert "add --overwrite" in one_sentence(run(*command))
