"""The page of `play` with many visitors at once: `python -m benchmarks.visitors --help`."""

import contextlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import httpx
import rich.box
import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.page_client import PageClient

ADDRESS = re.compile(r"open (http://\S+)/ ")
APPS = ("addition", "sentiment", "memory")
WORDS = ("moving", "dull", "funny", "clumsy", "wonderful", "awful", "beautiful", "boring", "great", "bad")
SUBJECTS = ("film", "story", "actor", "ending", "music")


@dataclass
class Options:
    """Start the page, let visitors click for some time, and compare every answer.

    Each visitor has questions that no other has: sums, reviews and sentences. Each is asked alone first; the answer to
    it later must be the same, character for character. Needs finished runs of the addition and the sentiment app.
    """

    runs: Path = Path("runs")
    """The folder of the run directories."""
    visitors: int = 10
    """How many visitors click at once; each clicks again when it has the answer."""
    seconds: float = 60.0
    """For how long."""
    seed: int = 1
    """Of the order in which each visitor asks."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object, and nothing else, on standard output."""


class Question(NamedTuple):
    """What a visitor asks.

    Attributes:
        app: whose tab it is in.
        button: that is clicked.
        values: of the tab's components.
        expected: parts that the answer must have, whoever else asks.
    """

    app: str
    button: str
    values: tuple[Any, ...]
    expected: tuple[str, ...]


class Reply(NamedTuple):
    """What a visitor gets.

    Attributes:
        app: whose tab it is in.
        outcome: `right`; `mixed up`, if it is the answer to another question; `wrong`; or `error`, if there is none.
        seconds: between the click and the answer.
    """

    app: str
    outcome: str
    seconds: float


def main(options: Options) -> None:
    """Starts the page, measures it and prints the report."""
    for app in ("addition", "sentiment"):
        if not (options.runs / app / "metrics.json").exists():
            sys.exit(f"there is no finished run in {options.runs / app}: python -m apps.{app} train makes one")
    with start_page(options.runs, "--apps", ",".join(f"apps.{app}" for app in APPS)) as address:
        report = measure(address, options)
    if options.json:
        print(json.dumps(report))
    else:
        show(report)


@contextlib.contextmanager
def start_page(runs: Path, *options: str) -> Iterator[str]:
    """The page in a process of its own until the end of the block: its address."""
    command = [sys.executable, "-m", "rnn_keras", "play", "--runs", str(runs), "--port", "0", *options]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    page = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert page.stdout is not None
    try:
        for line in page.stdout:
            if found := ADDRESS.search(line):
                yield found[1]
                return
        sys.exit("the page did not start")
    finally:
        page.terminate()
        page.wait()


def list_questions(visitor: int) -> list[Question]:
    """One question of each kind; no two visitors have the same ones."""
    first, second = 7919 * (visitor + 1), 104_729 + 17 * visitor
    word, subject = WORDS[visitor % len(WORDS)], SUBJECTS[visitor // len(WORDS) % len(SUBJECTS)]
    review = f"a {word} {subject} that nobody else has seen number {visitor}"
    sentence = f"the {subject} of visitor {visitor} is {word}"
    return [
        Question("addition", "addition-add", (str(first), str(second)), (f"<strong>{first + second}</strong>",)),
        Question("sentiment", "sentiment-read", (review, None, 1), tuple(f">{one}</span>" for one in review.split())),
        Question("memory", "memory-measure", (sentence, visitor % 5, False), (f"“{word}”",)),
    ]


def ask(client: PageClient, question: Question) -> str:
    """The answer as one text.

    Raises:
        RuntimeError: there is a sentence instead.
        httpx.HTTPError: see `PageClient.click`.
    """
    message, *outputs = client.click(question.button, question.values)
    if message:
        raise RuntimeError(message)
    return "\n".join(output for output in outputs if isinstance(output, str))


def measure(address: str, options: Options) -> dict[str, Any]:
    """Asks every question alone, and then lets all visitors ask at once; returns the report."""
    clients = [PageClient(address) for _ in range(options.visitors)]
    questions = [list_questions(visitor) for visitor in range(options.visitors)]
    known: dict[Question, str] = {}
    for client, own in zip(clients, questions, strict=True):
        for question in own:
            known[question] = ask(client, question)
            if not all(part in known[question] for part in question.expected):
                sys.exit(f"alone, {question.values} of {question.app} was answered with {known[question][:300]!r}")

    started = time.monotonic()

    def visit(visitor: int) -> list[Reply]:
        order, replies = random.Random(options.seed * 1000 + visitor), []
        while time.monotonic() - started < options.seconds:
            question = order.choice(questions[visitor])
            clicked = time.monotonic()
            try:
                answer = ask(clients[visitor], question)
            except (httpx.HTTPError, RuntimeError) as error:
                outcome = "error"
                print(f"visitor {visitor}: {error}", file=sys.stderr)
            else:
                is_known = answer in known.values()
                outcome = "right" if answer == known[question] else "mixed up" if is_known else "wrong"
            replies.append(Reply(question.app, outcome, time.monotonic() - clicked))
        return replies

    with ThreadPoolExecutor(options.visitors) as pool:
        replies = [reply for of_one in pool.map(visit, range(options.visitors)) for reply in of_one]
    seconds = time.monotonic() - started
    rows = {app: summarise([reply for reply in replies if reply.app == app]) for app in APPS}
    return {"visitors": options.visitors, "seconds": seconds, **rows, "all": summarise(replies)}


def summarise(replies: list[Reply]) -> dict[str, Any]:
    """How many answers of each outcome there are, and the seconds within which 50 % and 95 % came."""
    outcomes = Counter(reply.outcome for reply in replies)
    waits = statistics.quantiles([reply.seconds for reply in replies], n=20) if len(replies) > 1 else []
    return {
        "answers": len(replies) - outcomes["error"],
        "errors": outcomes["error"],
        "mixed_up": outcomes["mixed up"],
        "wrong": outcomes["wrong"],
        "p50_seconds": waits[9] if waits else None,
        "p95_seconds": waits[18] if waits else None,
    }


def show(report: dict[str, Any]) -> None:
    """Prints a report as a table, a row for each app."""
    title = f"{report['visitors']} visitors, {report['seconds']:.1f} s"
    names = [name.replace("_", " ") for name in report["all"]]
    table = Table("", *names, title=title, title_justify="left", box=rich.box.SIMPLE)
    for name in (*APPS, "all"):
        values = report[name].values()
        table.add_row(name, *(f"{value:.2f}" if isinstance(value, float) else str(value) for value in values))
    Console().print(table)


if __name__ == "__main__":
    main(tyro.cli(Options))
