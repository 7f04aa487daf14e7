"""The web server of the page: gradio's applications of all languages in one, and nothing from elsewhere."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rnn_keras.cli.app import App

# The browser asks no other machine for anything, whatever a page or a text on it says.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self' blob: data:; frame-ancestors 'self'"
)


@contextlib.contextmanager
def make_application(apps: Mapping[str, App], folder: Path, saved_models: Path | None = None) -> Iterator[Any]:
    """The page as an ASGI application: `/en/`, `/zh-Hant/`, `/zh-Hans/`, and `/`, which chooses one of these.

    Trainings and uploads end with it.

    Args:
        apps: by the names of their modules.
        folder: of the runs.
        saved_models: the folder of the exported models, which answer where there is no run.

    Example:
        >>> with make_application({"mood": MoodApp()}, Path("runs")) as application:
        ...     uvicorn.run(application)
    """
    with tempfile.TemporaryDirectory(prefix="rnn_keras_uploads_") as uploads:
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # both are read when gradio is imported, and later
        os.environ["GRADIO_TEMP_DIR"] = uploads
        # While it is imported, it replaces the function that imports, and other threads' relative imports fail.
        with contextlib.suppress(ImportError):
            import tensorflow_datasets  # noqa: F401
        import fastapi
        import gradio as gr
        from gradio.themes import Default

        from rnn_keras.play.page import build_page, list_tabs
        from rnn_keras.play.runs import RunStore
        from rnn_keras.play.texts import LANGUAGES, choose_language
        from rnn_keras.play.training_jobs import TrainingJobs
        from rnn_keras.play.uploads import MOST_BYTES

        application = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

        @application.middleware("http")
        async def add_headers(request: fastapi.Request, call_next: Any) -> Any:
            response = await call_next(request)
            response.headers["Content-Security-Policy"] = POLICY
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Referrer-Policy"] = "no-referrer"
            return response

        @application.get("/")
        def redirect(request: fastapi.Request) -> Any:
            language = choose_language(request.headers.get("accept-language", ""))
            return fastapi.responses.RedirectResponse(f"/{language}/")

        @application.get("/favicon.ico")
        def no_icon() -> Any:
            return fastapi.Response(status_code=204)

        runs, jobs = RunStore(folder), TrainingJobs()
        tabs = list_tabs(apps, runs, saved_models)
        theme = Default(font=["system-ui", "Noto Sans CJK TC", "sans-serif"], font_mono=["ui-monospace", "monospace"])
        for language in LANGUAGES:
            page = build_page(tabs, language, runs, jobs)
            page.queue(default_concurrency_limit=4)
            gr.mount_gradio_app(
                application,
                page,
                f"/{language}",
                theme=theme,
                css_paths=[Path(__file__).parent / "style.css"],
                head=f"<script>document.documentElement.lang = {language!r}</script>",
                footer_links=[],
                max_file_size=MOST_BYTES,
                show_error=True,
                ssr_mode=False,
                enable_monitoring=False,
                mcp_server=False,
                run_history=False,
            )
        try:
            yield application
        finally:
            jobs.close()
