"""The command `tune`: a search for settings, its results, and the best against the app's own."""

import dataclasses
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from keras_tuner.src.distribute import oracle_client  # not public; its time to wait is no argument
from rich.table import Table

from rnn_keras.training.config import read_config
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.task import infer_mode, load_data
from rnn_keras.tuning import results
from rnn_keras.tuning import workers as processes
from rnn_keras.tuning.oracles import make_oracle
from rnn_keras.tuning.progress import Progress, duration, settings_of
from rnn_keras.tuning.search import Search
from rnn_keras.tuning.space import SearchSpace
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import lock_directory, read_object, remove_unfinished, write_json
from rnn_keras.utils.terminal import console

SETTINGS = "search.json"
BEST = "best.json"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a search is asked to do, and may not change while it is under way but for `max_trials`.

    Args:
        config: the app's settings, all of them.
        searched: the fields of the config that the search sets.
        tuner: random, hyperband or bayesian.
        objective: the value of an epoch to be made best.
        max_trials: the most trials.
    """

    config: dict[str, Any]
    searched: list[str]
    tuner: str
    objective: str
    max_trials: int

    @property
    def mode(self) -> str:
        return infer_mode(self.objective)

    def require_place(self, directory: Path) -> None:
        """Refuses a folder with another search."""
        if directory.exists() and not (directory / SETTINGS).exists() and any(directory.iterdir()):
            raise UserError(f"{directory} holds something that is no search; name another folder with --run-dir")
        if not (directory / SETTINGS).exists():
            return
        there, now = read_object(directory / SETTINGS, *self.__dataclass_fields__), dataclasses.asdict(self)
        changed = {name for name in now if there[name] != now[name]} - {"max_trials"}
        if changed:
            differences = "; ".join(f"{name} {differing(there[name], now[name])}" for name in sorted(changed))
            raise UserError(
                f"{directory} holds a search with other settings ({differences}); repeat its command to go on with it, "
                "add --overwrite to start anew, or name another folder with --run-dir"
            )


def differing(there, now) -> str:
    if isinstance(there, dict) and isinstance(now, dict):
        names = [name for name in now if there.get(name) != now[name]]
        return ", ".join(f"{name} {there.get(name)} there, {now[name]} now" for name in names)
    return f"{there} there, {now} now"


def tune(
    app: Any,
    plan: Plan,
    run_dir: Path,
    *,
    workers: int = 1,
    timeout: float = 300.0,
    overwrite: bool = False,
    train: Callable[..., dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Runs or resumes the search in `<run_dir>/tune`, and reports what it found.

    Args:
        app: a task that is trainable and tunable.
        plan: what is searched.
        run_dir: the directory of the app's run.
        workers: processes that run trials.
        timeout: see `workers.lead`.
        overwrite: whether a search that is there is replaced.
        train: trains given settings in full and scores them, as `rnn_keras.cli.full_run.train_and_score` does, to
            compare the plan's settings with the best ones; None: they are not compared.

    Returns:
        `trials`, `failed`, `importance`, `best` (its settings, score and config's file) and `comparison`.

    Raises:
        UserError: there is another search in the folder, or no trial could be completed.
    """
    directory = run_dir / "tune"
    if processes.role() == "worker":
        wait_for_chief(directory, timeout)
        work(app, directory, timeout)
        return {}
    with lock_directory(directory):
        return run_search(app, plan, directory, workers, timeout, overwrite, train)


def run_search(
    app: Any,
    plan: Plan,
    directory: Path,
    count: int,
    timeout: float,
    overwrite: bool,
    train: Callable[..., dict[str, Any]] | None,
) -> dict[str, Any]:
    """What `tune` does, in the folder that this process holds, where it is not a worker of another."""
    if overwrite:
        clear(directory)
    plan.require_place(directory)
    remove_unfinished(directory)
    write_json(directory / SETTINGS, dataclasses.asdict(plan))
    console.print(f"searching {', '.join(plan.searched)}; {plan.objective} decides")
    started = time.perf_counter()
    chief = processes.role() == "chief"
    data = None if chief or count > 1 else load(app, plan, console.print)
    search = make_search(app, plan, directory, data)
    search.progress = Progress(search.oracle, plan.max_trials, console.print)
    if search.oracle.end_order:
        console.print(f"going on after {len(search.oracle.end_order)} trials of {directory}")
    if chief or count > 1:
        address = processes.address_in_environment() if chief else None
        command = [] if chief else [*processes.worker_command(app), str(directory)]
        processes.lead(search, 0 if chief else count, command, address, timeout, search.progress)
    else:
        search.search()
    console.print(f"searched for {duration(time.perf_counter() - started)}")
    report = told(search, plan, directory, app.search_space)
    if train is not None:
        data = data or load(app, plan, console.print)  # else each of the two trainings would read them
        report["comparison"] = compare_settings(app, plan, report["best"]["config"], directory, data, train)
    return report


def wait_for_chief(directory: Path, timeout: float) -> None:
    """Until the chief, which may have been started later, has written what the search is."""
    end = time.monotonic() + timeout
    while not (directory / SETTINGS).exists():
        if time.monotonic() > end:
            raise UserError(
                f"no chief has begun a search in {directory} for {timeout:.0f} s; start one, with the same --run-dir "
                "in a folder that all machines share"
            )
        time.sleep(0.5)


def work(app, directory: Path, timeout: float | None = None) -> None:
    """Runs trials for a chief until there are no more.

    Args:
        timeout: seconds in which a chief of another machine must answer; None: it is of this one, and this
            process ends with it.

    Raises:
        UserError: the chief does not answer any more.
    """
    settings = read_object(directory / SETTINGS, *Plan.__dataclass_fields__)
    plan = Plan(**{name: settings[name] for name in Plan.__dataclass_fields__})
    if timeout is not None:
        # KerasTuner would wait for an hour; a chief that has just begun needs its time until it listens.
        oracle_client.TIMEOUT = max(timeout, 60.0)
    with processes.signs_of_life(directory, os.environ["KERASTUNER_TUNER_ID"]):
        try:
            make_search(app, plan, directory, load(app, plan, print)).search()
        except grpc.RpcError as error:
            raise UserError(
                f"the chief of the search does not answer any more ({error.code().name}); what it knows of is kept in "
                f"{directory}, and the same commands go on"
            ) from error


def load(app, plan: Plan, tell: Callable[[str], None]):
    return load_data(app, read_config(app.config_class, plan.config, SETTINGS), tell)


def make_search(app, plan: Plan, directory: Path, data) -> Search:
    config = read_config(app.config_class, plan.config, SETTINGS)
    # Whoever hands out the trials needs the number of epochs only for Hyperband, and then it must know the data.
    if data is None and plan.tuner == "hyperband" and not config.epochs:
        data = load(app, plan, print)
    epochs = (
        config.count_epochs(data.training_batches(config).number_of_batches)
        if data is not None
        else (config.epochs or 1)
    )
    space = {name: app.search_space[name] for name in plan.searched}
    oracle = make_oracle(
        plan.tuner, space, plan.objective, plan.mode, plan.max_trials, max(1, epochs), seed=config.seed
    )
    return Search(app, config, data, epochs, oracle, directory)


def told(search: Search, plan: Plan, directory: Path, space: SearchSpace) -> dict[str, Any]:
    """Shows and keeps what the trials have found."""
    trials = search.oracle.get_best_trials(len(search.oracle.trials))
    completed = [trial for trial in trials if trial.status == "COMPLETED"]
    failed = {trial.trial_id: trial.message for trial in trials if trial.status == "FAILED"}
    if not completed:
        reasons = "; ".join(sorted(set(failed.values())))
        raise UserError(
            f"none of {len(trials)} trials was completed ({reasons}); mend that, and start with --overwrite"
        )
    space = {name: space[name] for name in plan.searched}
    console.print(results.best_table(completed, plan.objective))
    if failed:
        table = Table("trial", "reason", title="failed", title_justify="left")
        for trial_id, why in sorted(failed.items()):
            table.add_row(trial_id, why)
        console.print(table)
    shares = results.importance(completed, space)
    if shares:
        console.print("what mattered: " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))
    else:
        console.print(f"{len(completed)} trials are too few to say what mattered")
    picture = directory / "plots" / "parameters.png"
    results.plot_parameters(completed, space, plan.objective, shares, picture)
    best = directory / BEST
    write_json(best, plan.config | settings_of(completed[0]))
    console.print(
        f"best settings: {best}   picture: {picture}   in TensorBoard: tensorboard --logdir {directory}\n"
        f"train them in full: {search.app.program} train --config {best}"
    )
    rows = [{"trial": t.trial_id, "score": t.score, **settings_of(t), "metrics": metrics_of(t)} for t in completed]
    report = {
        "objective": plan.objective,
        "trials": rows,
        "failed": failed,
        "importance": shares,
        "best": {"score": completed[0].score, "settings": settings_of(completed[0]), "config": str(best)},
    }
    write_json(directory / "results.json", report)
    return report


def metrics_of(trial) -> dict[str, float]:
    return {name: trial.metrics.get_best_value(name) for name in trial.metrics.metrics}


def compare_settings(app: Any, plan: Plan, best: str, directory: Path, data, train) -> dict[str, Any]:
    """The app's settings and the best ones, each trained in full and scored once."""
    comparison = {}
    for name, values in (("default", plan.config), ("best", read_object(Path(best)))):
        config = read_config(app.config_class, values, best)
        run = RunDirectory(directory / name)
        same = run.config.exists() and read_object(run.config) == dataclasses.asdict(config)
        if not (same and run.finished):
            console.print(f"training the {name} settings in full ...")
            train(app, config, run, not same, data=data)
        comparison[name] = {split: read_object(run.metrics)[split] for split in ("validation", "test")}
    table = Table("", *comparison, title="trained in full", title_justify="left")
    for split, metrics in comparison["default"].items():
        for metric, value in metrics.items():
            if isinstance(value, float):
                figures = [f"{comparison[name][split][metric]:.4f}" for name in comparison]
                table.add_row(f"{split} {metric.replace('_', ' ')}", *figures)
    console.print(table)
    return comparison


def clear(directory: Path) -> None:
    """Removes a search, and nothing that is none; not the folder itself, which this process holds."""
    if not (directory / SETTINGS).exists():
        return
    for inside in directory.iterdir():
        if inside.is_dir():
            shutil.rmtree(inside)
        elif inside.name != SETTINGS:
            inside.unlink()
    (directory / SETTINGS).unlink()  # last: it says that the rest is a search's
