"""A search for settings: its trials, its report, and the best settings compared with the app's own."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from keras_tuner.engine.trial import Trial
from keras_tuner.errors import FatalError
from keras_tuner.src.distribute import oracle_client  # not public, but its time to wait is not an argument
from rich.table import Table

from rnn_keras.training.config import TrainingConfig, read_config
from rnn_keras.training.plots import save_figure
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.task import TrainingData, load_data
from rnn_keras.tuning.chief import get_role, make_worker_command, read_chief_address, run_chief
from rnn_keras.tuning.heartbeat import send_heartbeats
from rnn_keras.tuning.oracles import FINAL_STATUSES, make_oracle
from rnn_keras.tuning.plan import PLAN_FILE, Plan, clear_search, has_plan, read_plan
from rnn_keras.tuning.progress import Progress, format_duration, get_settings
from rnn_keras.tuning.results import estimate_importance, make_table, plot_hyperparameters
from rnn_keras.tuning.search import MachineFault, Search
from rnn_keras.tuning.space import Searchable
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import lock_directory, read_object, remove_unfinished, write_json
from rnn_keras.utils.terminal import console

# Trains a config in full and scores it, as `rnn_keras.cli.full_run.train_and_score` does.
Train = Callable[..., dict[str, Any]]


def tune(
    app: Searchable,
    plan: Plan,
    run_dir: Path,
    *,
    workers: int = 1,
    timeout: float = 300.0,
    overwrite: bool = False,
    train: Train | None = None,
) -> dict[str, Any]:
    """Runs or resumes the search in `<run_dir>/tune`, and reports what it found.

    Args:
        app: the app, or any other task with a search space.
        plan: what is searched.
        run_dir: the directory of the app's run.
        workers: processes of this machine that run trials.
        timeout: seconds without a heartbeat of a worker after which its trial is marked as failed, and for which a
            worker of another machine waits for its chief.
        overwrite: whether an earlier search in the directory is replaced.
        train: trains a config in full and scores it, as `rnn_keras.cli.full_run.train_and_score` does, to compare the
            plan's settings with the best ones; None: they are not compared.

    Returns:
        `objective`, `trials`, `failed`, `importance`, `best` (its settings, score and the file of its config) and
        `comparison`; empty in a worker of another machine.

    Raises:
        UserError: the directory holds another search, or no trial could be completed.
    """
    directory = run_dir / "tune"
    if get_role() == "worker":
        wait_for_chief(directory, timeout)
        run_worker(app, directory, timeout)
        return {}
    with lock_directory(directory):
        if overwrite:
            clear_search(directory)
        plan.require_available(directory)
        remove_unfinished(directory)
        plan.write(directory)
        search = run_trials(app, plan, directory, workers, timeout)
        report = report_results(app, plan, search, directory)
        if train is not None:
            data = search.data or _load_data(app, plan, console.print)  # once for both trainings
            report["comparison"] = compare_settings(app, plan, report["best"]["config"], directory, data, train)
        return report


def run_trials(app: Searchable, plan: Plan, directory: Path, workers: int, timeout: float) -> Search:
    """Runs the trials that are left, in this process or in others.

    Args:
        directory: of the search, which this process has locked.
        app, plan, workers, timeout: see `tune`.
    """
    console.print(f"searching {', '.join(plan.searched)}; the objective is {plan.objective}")
    started = time.perf_counter()
    is_chief = get_role() == "chief"
    data = None if is_chief or workers > 1 else _load_data(app, plan, console.print)
    search = make_search(app, plan, directory, data)
    for repair in getattr(search.oracle, "repairs", ()):
        console.print(f"note: {repair}")
    search.progress = Progress(search.oracle, plan.max_trials, console.print)
    if search.oracle.end_order:
        console.print(f"resuming after {len(search.oracle.end_order)} trial(s) of {directory}")
    if is_chief:
        run_chief(search, 0, [], read_chief_address(), timeout, search.progress)
    elif workers > 1:
        command = [*make_worker_command(app), str(directory)]
        run_chief(search, workers, command, None, timeout, search.progress)
    else:
        search.search()
    console.print(f"searched for {format_duration(time.perf_counter() - started)}")
    return search


def wait_for_chief(directory: Path, timeout: float) -> None:
    """Waits until the chief, which may have been started later, has written its plan.

    Raises:
        UserError: no chief has begun a search in the directory within `timeout` seconds.
    """
    end = time.monotonic() + timeout
    while not has_plan(directory):
        if time.monotonic() > end:
            raise UserError(
                f"no chief has begun a search in {directory} within {timeout:.0f} s; start one, with the same "
                "--run-dir in a directory that all machines share"
            )
        time.sleep(0.5)


def run_worker(app: Searchable, directory: Path, timeout: float | None = None) -> None:
    """Runs trials for a chief until there are no more.

    Args:
        app: as the chief has it.
        directory: of the search.
        timeout: seconds in which a chief of another machine must answer; None: the chief is on this machine, and this
            process ends with it.

    Raises:
        UserError: the chief has stopped answering.
    """
    plan = read_plan(directory)
    if timeout is not None:
        # KerasTuner would wait for an hour. A chief that has just begun needs some time until it listens.
        oracle_client.TIMEOUT = max(timeout, 60.0)  # pyright: ignore[reportAttributeAccessIssue]
    with send_heartbeats(directory, os.environ["KERASTUNER_TUNER_ID"]):
        try:
            make_search(app, plan, directory, _load_data(app, plan, print)).search()
        except MachineFault:
            raise
        except (grpc.RpcError, FatalError) as error:
            cause: Any = error if isinstance(error, grpc.RpcError) else error.__cause__
            raise UserError(
                f"the chief of the search has stopped answering ({cause.code().name}); what it received is kept in "
                f"{directory}, and the same commands resume the search"
            ) from error


def make_search(app: Searchable, plan: Plan, directory: Path, data: TrainingData | None) -> Search:
    """The tuner with its oracle, with the trials that are in the directory already.

    Args:
        data: None in a chief, which runs no trials.
    """
    config = _read_config(app, plan)
    # A chief needs the number of epochs for Hyperband alone, and automatic epochs depend on the data.
    if data is None and plan.tuner == "hyperband" and config.epochs is None:
        data = _load_data(app, plan, print)
    epochs = config.epochs or 1
    if data is not None:
        epochs = config.count_epochs(data.training_batches(config).number_of_batches)
    if unknown := [name for name in plan.searched if name not in app.search_space]:
        raise UserError(
            f"{directory / PLAN_FILE} searches {', '.join(unknown)}, and this app {', '.join(app.search_space)}; it is "
            "damaged or another app's, start again with --overwrite"
        )
    space = {name: app.search_space[name] for name in plan.searched}
    oracle = make_oracle(plan.tuner, space, plan.objective, plan.mode, plan.max_trials, epochs, config.seed)
    return Search(app, config, data, epochs, oracle, directory)


def report_results(app: Searchable, plan: Plan, search: Search, directory: Path) -> dict[str, Any]:
    """Shows what the trials have found, and keeps it in the search's directory.

    Raises:
        UserError: no trial could be completed.
    """
    trials = search.oracle.get_best_trials(len(search.oracle.trials))
    completed = [trial for trial in trials if trial.status == "COMPLETED"]
    failed = {trial.trial_id: str(trial.message) for trial in trials if trial.status == "FAILED"}
    if not completed:
        reasons = sorted(set(failed.values()))
        reasons += [f"trial {trial.trial_id} did not end" for trial in trials if trial.status not in FINAL_STATUSES]
        raise UserError(
            f"none of {len(trials)} trials was completed ({'; '.join(reasons)}); correct that, and start again with "
            "--overwrite"
        )
    space = {name: app.search_space[name] for name in plan.searched}
    console.print(make_table(completed, plan.objective))
    if failed:
        table = Table("trial", "reason", title="failed", title_justify="left")
        for trial_id, reason in sorted(failed.items()):
            table.add_row(trial_id, reason)
        console.print(table)
    importance = estimate_importance(completed, space)
    if importance:
        console.print("importance: " + ", ".join(f"{name} {share:.2f}" for name, share in importance.items()))
    else:
        console.print(f"{len(completed)} trials are too few to estimate which settings mattered")
    figure = directory / "plots" / "parameters.png"
    save_figure(plot_hyperparameters(completed, space, plan.objective, importance), figure)
    best = directory / "best.json"
    write_json(best, plan.config | get_settings(completed[0]))
    console.print(
        f"best settings: {best}   plot: {figure}   in TensorBoard: tensorboard --logdir {directory}\n"
        f"train them in full: {app.program} train --config {best}"
    )
    report = {
        "objective": plan.objective,
        "trials": [
            {"trial": trial.trial_id, "score": trial.score, **get_settings(trial), "metrics": _get_metrics(trial)}
            for trial in completed
        ],
        "failed": failed,
        "importance": importance,
        "best": {"score": completed[0].score, "settings": get_settings(completed[0]), "config": str(best)},
    }
    write_json(directory / "results.json", report)
    return report


def compare_settings(
    app: Searchable, plan: Plan, best: str, directory: Path, data: TrainingData, train: Train
) -> dict[str, Any]:
    """The app's settings and the best ones, each trained in full and scored once.

    Args:
        best: the file of the best settings.
        app, plan, data, train: see `tune`.
        directory: of the search, in which each of the two has a run directory.
    """
    comparison: dict[str, Any] = {}
    for name, values in (("default", plan.config), ("best", read_object(Path(best)))):
        config = read_config(app.config_class, values, best)
        run = RunDirectory(directory / name)
        is_same = run.config.exists() and read_object(run.config) == config.to_json()
        if not (is_same and run.finished):
            console.print(f"training the {name} settings in full ...")
            train(app, config, run, not is_same, data=data)
        comparison[name] = {
            split: value
            for split, value in read_object(run.metrics, "validation", "test").items()
            if split in ("validation", "test")
        }
    table = Table("", *comparison, title="trained in full", title_justify="left")
    for split, metrics in comparison["default"].items():
        for metric, value in metrics.items():
            if isinstance(value, float):
                figures = [f"{comparison[name][split][metric]:.4f}" for name in comparison]
                table.add_row(f"{split} {metric.replace('_', ' ')}", *figures)
    console.print(table)
    return comparison


def _read_config(app: Searchable, plan: Plan) -> TrainingConfig:
    return read_config(app.config_class, plan.config, PLAN_FILE)


def _load_data(app: Searchable, plan: Plan, show: Callable[[str], None]) -> TrainingData:
    return load_data(app, _read_config(app, plan), show)


def _get_metrics(trial: Trial) -> dict[str, float]:
    return {name: trial.metrics.get_best_value(name) for name in trial.metrics.metrics}
