"""What tests of the commands share: a finished run, and the sentence of a command that refuses."""

import pytest

from tests.helpers.tiny_app import PlainApp


@pytest.fixture
def refuse(capfd):
    def run(app, *arguments):
        """The one line on standard error of a command that refuses, in this process."""
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            app.main(list(map(str, arguments)))
        printed = capfd.readouterr()
        assert ended.value.code == 2 and "Traceback" not in printed.err
        [sentence] = [line for line in printed.err.splitlines() if line.startswith("error: ")]
        return sentence

    return run


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """A run of the app with the four methods alone, that no test changes."""
    run_dir = tmp_path_factory.mktemp("runs") / "plain"
    PlainApp().main(["train", "--run-dir", str(run_dir), "--epochs", "2"])
    return run_dir
