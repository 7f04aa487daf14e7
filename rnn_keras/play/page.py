"""The page in one language: a tab for each tab of the apps."""

import dataclasses
import html
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from rnn_keras.cli.app import App
from rnn_keras.cli.protocols import Application
from rnn_keras.play.default_tab import make_default_tab
from rnn_keras.play.export_tab import replace_tab
from rnn_keras.play.html import show_message, show_progress
from rnn_keras.play.notes import NAME, build_notes
from rnn_keras.play.runs import RunStore
from rnn_keras.play.tab import AppTab, Playable, Tab
from rnn_keras.play.texts import FOLDER, LANGUAGES, Texts
from rnn_keras.play.training_jobs import Progress, TrainingJobs
from rnn_keras.utils.errors import UserError

SECONDS_BETWEEN_LOOKS = 1.0  # at a training


@dataclasses.dataclass(frozen=True)
class TabView:
    """What a visitor sees of a tab's frame.

    Attributes:
        has_content: whether the app's own part; else what makes a run.
        status: of a training, HTML.
        is_watched: whether the training goes on, so that the page asks again.
    """

    has_content: bool
    status: str = ""
    is_watched: bool = False


def list_tabs(
    apps: Mapping[str, App], runs: RunStore, saved_models: Path | None = None
) -> list[tuple[str, App, AppTab]]:
    """All tabs with their app and its module; what can be tried at once comes first.

    Args:
        apps: by the names of their modules.
        runs: the finished runs.
        saved_models: the folder of the exported models, which answer where there is no run.
    """
    tabs = []
    for module, app in apps.items():
        own = list(app.play_tabs() if isinstance(app, Playable) else [make_default_tab(app)])
        if saved_models is not None and not is_ready(app, own[0], runs):
            own[0] = replace_tab(app, module, own[0], saved_models)
        tabs += [(module, app, settings) for settings in own]
    return sorted(tabs, key=lambda tab: not is_ready(tab[1], tab[2], runs))


def is_ready(app: Application, settings: AppTab, runs: RunStore) -> bool:
    """Whether there is something to try in a tab."""
    return not settings.needs_run or runs.find(app) is not None


def build_page(tabs: Sequence[tuple[str, App, AppTab]], language: str, runs: RunStore, jobs: TrainingJobs) -> gr.Blocks:
    """The page.

    Args:
        tabs: of `list_tabs`.
        language: a tag of `LANGUAGES`.
        runs: the finished runs.
        jobs: the trainings that visitors start.
    """
    texts = Texts(language, FOLDER)
    with gr.Blocks(title=texts("page_title"), analytics_enabled=False, delete_cache=(300, 600)) as page:
        gr.HTML(show_header(texts))
        built = []
        with gr.Tabs() as selector:
            for module, app, settings in tabs:
                tab = Tab(app, settings, language, runs)
                with gr.Tab(tab.title, id=settings.name, elem_id=f"tab-{settings.name}") as place:
                    opened = [place.select, page.load] if settings is tabs[0][2] else [place.select]
                    build_tab(tab, module, opened, page, jobs)
                built.append(tab)
            with gr.Tab(texts("notes_title"), id=NAME, elem_id=f"tab-{NAME}"):
                build_notes(texts, built, selector)
    return page


def show_header(texts: Texts) -> str:
    """The heading, and links to the page in the other languages."""
    links = []
    for tag, name in LANGUAGES.items():
        current = ' aria-current="page"' if tag == texts.language else ""
        links.append(f'<a href="/{tag}/" hreflang="{tag}" lang="{tag}"{current}>{name}</a>')
    return (
        f'<header class="rnn-header"><h1>{html.escape(texts("page_title"))}</h1>'
        f'<nav aria-label="{html.escape(texts("language"))}">{" ".join(links)}</nav></header>'
        f"<p>{html.escape(texts('page_about'))}</p>"
    )


def build_tab(tab: Tab, module: str, opened: Sequence[Any], page: gr.Blocks, jobs: TrainingJobs) -> None:
    """A tab's content: the app's own, or what makes a run to try.

    Args:
        tab: to build.
        module: of its app.
        opened: the events by which a visitor sees it.
        page: around it.
        jobs: the trainings that visitors start.
    """
    settings, runs, app = tab.settings, tab.runs, tab.app
    arguments = ["--run-dir", str(runs.get_directory(app).path), *settings.training]
    if "about" in tab.text:
        gr.Markdown(tab.text("about"), latex_delimiters=[{"left": "$", "right": "$", "display": False}])
    tab.message = gr.HTML(elem_id=f"{settings.name}-message")
    has_content = is_ready(app, settings, runs)
    with gr.Column(visible=has_content) as ready:
        settings.build(tab)
    with gr.Column(visible=not has_content) as missing:
        command = f"python -m {module} train {shlex.join(arguments)}"
        gr.Markdown(f"{tab.text('no_run')}\n\n`{command}`\n\n{tell_duration(tab)}")
        with gr.Row():
            start = gr.Button(tab.text("start"), variant="primary", elem_id=f"{settings.name}-start")
            cancel = gr.Button(tab.text("cancel"), elem_id=f"{settings.name}-cancel")
        status = gr.HTML(elem_id=f"{settings.name}-progress")
        timer = gr.Timer(SECONDS_BETWEEN_LOOKS, active=False)

    view = gr.State(TabView(has_content))
    outputs = [view, ready, missing, status, timer, *tab.ready_outputs]

    def look(seen: TabView, fills: bool = True) -> list[Any]:
        progress = jobs.get_progress(module)
        has_content = is_ready(app, settings, runs)
        shown = "" if progress is None or has_content else tell_progress(tab.text, progress)
        now = TabView(has_content, shown, progress is not None and progress.state == "running")
        return [*change_view(seen, now), *tab.fill_ready(has_content and fills)]

    def begin(seen: TabView) -> list[Any]:
        try:
            jobs.start(module, arguments)
        except UserError as error:
            refused = dataclasses.replace(seen, status=show_message(str(error)))
            return [*change_view(seen, refused), *tab.fill_ready(False)]
        return look(seen)

    def end(seen: TabView) -> list[Any]:
        jobs.cancel(module)
        return look(seen)

    events = [(event, look) for event in (*opened, timer.tick)] + [(start.click, begin), (cancel.click, end)]
    if page.load not in opened:
        events.append((page.load, lambda seen: look(seen, fills=False)))  # models are loaded when they are looked at
    for event, function in events:
        event(
            function,
            inputs=[view],
            outputs=outputs,
            api_visibility="private",
            show_progress="hidden",
            concurrency_id=f"{tab.text.language} {settings.name}",  # one after the other, each from what the last left
            concurrency_limit=1,
        )


def change_view(seen: TabView, now: TabView) -> list[Any]:
    """The values of the view, both columns, the status and its timer: what is as it was stays untouched.

    An answer that comes late would else put an older state over a newer one; and whatever a visitor does in a column
    while it is set anew, such as to choose a file, is lost.
    """
    values: list[Any] = [gr.skip()] * 5
    if now != seen:
        values[0] = now
    if now.has_content != seen.has_content:
        values[1:3] = gr.Column(visible=now.has_content), gr.Column(visible=not now.has_content)
    if now.status != seen.status:
        values[3] = now.status
    if now.is_watched != seen.is_watched:
        values[4] = gr.Timer(active=now.is_watched)
    return values


def tell_duration(tab: Tab) -> str:
    """About how long the training takes."""
    minutes = tab.settings.minutes
    return tab.text("unknown_duration") if minutes is None else tab.text("duration", minutes=f"{minutes:g}")


def tell_progress(texts: Texts, progress: Progress) -> str:
    """How far a training is, as a bar or a sentence."""
    seconds = f"{progress.seconds:.0f}"
    if progress.state == "running":
        key = "training_epoch" if progress.epochs else "training"
        text = texts(key, epoch=progress.epoch, epochs=progress.epochs, seconds=seconds)
        return show_progress(max(progress.epoch - 1, 0), progress.epochs, text)
    if progress.state == "failed":
        return show_message(texts("training_failed", problem=progress.problem))
    return show_message(texts(f"training_{progress.state}", seconds=seconds), "status")
