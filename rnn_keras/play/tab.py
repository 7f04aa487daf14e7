"""What an app puts on the page: the protocol, and what a tab is given to build itself with."""

import contextlib
import dataclasses
import functools
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import gradio as gr

from rnn_keras.cli.protocols import Application, FinishedRun
from rnn_keras.data.tfds_source import TFDSSource
from rnn_keras.play.html import show_message
from rnn_keras.play.runs import RunStore
from rnn_keras.play.texts import FOLDER, Texts
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.tf_logging import import_tensorflow


@dataclasses.dataclass(frozen=True)
class AppTab:
    """One tab of an app.

    Attributes:
        name: of the tab, unique on the page, such as `mood`.
        build: puts gradio's components into the tab; called once for each language.
        languages: a folder with `<language>.json` for each of `rnn_keras.play.texts.LANGUAGES`: the texts of the tab,
            of which `title` is its heading and `about` one paragraph; None: the page's own texts alone.
        training: arguments of `train` that make a run to try.
        minutes: how long that takes on two cores, about; None: nobody knows.
        needs_run: whether there is nothing to try without a finished run.
        notes: the sections of the notes that it shows, some of `rnn_keras.play.notes.EQUATIONS`.
    """

    name: str
    build: "Callable[[Tab], None]"
    languages: Path | None = None
    training: tuple[str, ...] = ()
    minutes: float | None = None
    needs_run: bool = True
    notes: tuple[str, ...] = ()


@runtime_checkable
class Playable(Protocol):
    """An app that says itself what its tabs have; any other has a plain one, made of its `predict`."""

    def play_tabs(self) -> Sequence[AppTab]:
        """Its tabs, at least one."""
        ...


class Tab:
    """A tab while it is built, and while it answers.

    Args:
        app: the application.
        settings: of the tab.
        language: its language.
        runs: the finished runs.

    Attributes:
        text: the texts, called with a key; see `Texts`.
        runs: the finished runs.
        message: where sentences to the visitor appear.
    """

    def __init__(self, app: Application, settings: AppTab, language: str, runs: RunStore):
        self.app, self.settings = app, settings
        self.text = Texts(language, FOLDER, *([settings.languages] if settings.languages else []))
        self.runs = runs
        self._refreshers: list[tuple[Callable[[], Any], list[Any]]] = []
        self.message: Any = None

    @property
    def title(self) -> str:
        """The tab's heading."""
        return self.text("title") if "title" in self.text else self.settings.name.replace("_", " ").capitalize()

    def use_run(self) -> contextlib.AbstractContextManager[FinishedRun]:
        """The finished run, for one visitor at a time; see `RunStore.use`."""
        return self.runs.use(self.app)

    def compute(self) -> contextlib.AbstractContextManager[Any]:
        """What is held while something is computed without a run; see `RunStore.compute`."""
        return self.runs.compute()

    def answer(
        self,
        triggers: Any,
        function: Callable[..., Any],
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        js: str | None = None,
        empties: Sequence[Any] = (),
    ) -> None:
        """Calls a function with the values of components, and shows what it returns in others.

        Where it raises a `UserError`, the sentence appears in the tab, and the outputs stay.

        Args:
            triggers: events, such as `button.click`; several in a list.
            function: its results, one or a tuple, are those of the outputs. Each that a generator function yields is
                shown until the next one.
            inputs, outputs: the components.
            js: a function in the browser whose results are the inputs instead.
            empties: components that are empty afterwards, whatever happens, such as a file that has been read.
        """

        unchanged, emptied = [gr.skip()] * len(outputs), [None] * len(empties)

        def show(get_result: Callable[[], Any]) -> list[Any] | None:
            import_tensorflow()  # scipy, which both need, cannot be imported by two threads at once
            try:
                result = get_result()
            except StopIteration:
                return None
            except UserError as error:
                return [show_message(str(error)), *unchanged, *emptied]
            except Exception:
                traceback.print_exc(file=sys.stderr)
                return [show_message(self.text("fault")), *unchanged, *emptied]
            return ["", *(result if isinstance(result, tuple) else (result,)), *emptied]

        def run(*values: Any) -> Any:
            return show(lambda: function(*values))

        def stream(*values: Any) -> Iterator[Any]:
            yield from iter(functools.partial(show, function(*values).__next__), None)

        events = list(triggers) if isinstance(triggers, (list, tuple)) else [triggers]
        gr.on(
            events,
            stream if inspect.isgeneratorfunction(function) else run,
            inputs=list(inputs),
            outputs=[self.message, *outputs, *empties],
            js=js,
            api_visibility="private",
            show_progress="minimal",
        )

    def when_ready(self, function: Callable[[], Any], outputs: Sequence[Any]) -> None:
        """Calls a function whenever the tab is opened and has a finished run, such as for the names in a choice."""
        self._refreshers.append((function, list(outputs)))

    def offer_examples(self, button: Any, source: TFDSSource) -> None:
        """Shows a button, which is built invisible, where the data of the run can be read without fetching them.

        Args:
            button: takes an example out of these data.
            source: of the app's data sets.
        """

        def show() -> Any:
            with self.use_run() as run:
                return gr.Button(visible=source.is_there(run.config.dataset, run.config.data_dir))

        self.when_ready(show, [button])

    @property
    def ready_outputs(self) -> list[Any]:
        """The components that `when_ready` fills."""
        return [output for _, outputs in self._refreshers for output in outputs]

    def fill_ready(self, is_ready: bool) -> list[Any]:
        """The values of `ready_outputs`; nothing changes where there is no run, or it cannot be used."""
        values: list[Any] = []
        for function, outputs in self._refreshers:
            result: Any = None
            if is_ready:
                import_tensorflow()
                try:
                    result = function()
                except UserError:  # the first click says what it is
                    result = None
            filled = [gr.skip()] * len(outputs) if result is None else result
            values += filled if isinstance(filled, (list, tuple)) else [filled]
        return values
