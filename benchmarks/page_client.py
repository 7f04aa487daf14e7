"""The page of `python -m rnn_keras play` without a browser: what one sends and receives when a button is clicked."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

import httpx

TIMEOUT = 300  # seconds, on a busy machine


class PageClient:
    """A visitor of the page.

    Args:
        address: of the page, such as `http://127.0.0.1:7860`.
        language: a tag of `rnn_keras.play.texts.LANGUAGES`.

    Example:
        >>> PageClient("http://127.0.0.1:7860").click("addition-add", ["95", "17"])
        ['', '<p class="rnn-answer" ...>...', ...]
    """

    def __init__(self, address: str, language: str = "en"):
        self.address = f"{address}/{language}"
        self._client = httpx.Client(timeout=TIMEOUT)
        config = self._client.get(f"{self.address}/config").raise_for_status().json()
        parts = {part["id"]: part["props"].get("elem_id") for part in config["components"]}
        # A target is the number of a component and an event.
        self._events = {
            parts.get(component): event["id"]
            for event in config["dependencies"]
            for component, name in event["targets"]
            if name == "click"
        }

    def click(self, button: str, values: Sequence[Any]) -> list[Any]:
        """What appears after a click: the sentence to the visitor, or "", and then the outputs of the tab.

        Args:
            button: its `elem_id`.
            values: those of the components that the answer depends on.

        Raises:
            httpx.HTTPError: the page cannot be reached, or refuses.
            RuntimeError: the connection ended without an answer, or the answer is a fault of gradio's.
        """
        session, url = uuid.uuid4().hex, f"{self.address}/gradio_api/queue"
        join = {"data": list(values), "fn_index": self._events[button], "session_hash": session}
        self._client.post(f"{url}/join", json=join).raise_for_status()
        with self._client.stream("GET", f"{url}/data?session_hash={session}") as lines:
            for line in lines.iter_lines():
                message = json.loads(line.removeprefix("data: ")) if line else {}
                if message.get("msg") == "process_completed":
                    if not message["success"]:
                        raise RuntimeError(f"the page failed: {message['output']}")
                    return message["output"]["data"]
        raise RuntimeError("the page ended the connection without an answer")
