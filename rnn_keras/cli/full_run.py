"""A full run of an app: train, save, score, plot."""

import contextlib
import time
from typing import Any

from rnn_keras.cli.protocols import Application
from rnn_keras.cli.report_page import write_report
from rnn_keras.distributed.cluster import Cluster
from rnn_keras.distributed.data_service import read_from_service, watch_service
from rnn_keras.distributed.devices import Devices
from rnn_keras.training.config import hash_config
from rnn_keras.training.plots import plot_learning_curves
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.task import TrainingData, load_data
from rnn_keras.training.train import train_network
from rnn_keras.utils.files import lock_directory
from rnn_keras.utils.terminal import console, show_metrics


def train_and_score(
    app: Application,
    config: Any,
    run: RunDirectory,
    overwrite: bool = False,
    *,
    finish: bool = False,
    data: TrainingData | None = None,
    strategy: str = "none",
    service: str | None = None,
) -> dict[str, Any]:
    """Trains an app's model in a run directory and scores it; an interrupted run resumes, a finished one continues.

    Args:
        app: the application.
        config: its settings.
        run: where the run is kept.
        overwrite: whether a finished run may be replaced.
        finish: whether the best epoch that an interrupted run has is taken, without any more training.
        data: what `app.load_data(config)` returned, where it is loaded already.
        strategy: `"none"`; `"mirrored"`: each batch is divided among the devices of this machine; `"multi_worker"`:
            among the processes of a `Cluster`, of which the chief writes.
        service: the address, `host:port`, of a data service that prepares the batches; None: they are prepared here.

    Returns:
        What `metrics.json` holds, and the directory as `run_dir`; empty in a process that is not the chief.

    Raises:
        UserError: the data are not available, the directory is another run's or in use, or the training fails.
    """
    cluster = Cluster() if strategy == "multi_worker" else None  # before TensorFlow computes anything
    is_chief = cluster is None or cluster.is_chief
    if is_chief:
        run.require_available(config, overwrite, finish)
    started = time.perf_counter()
    if cluster is not None and not is_chief:
        cluster.barrier()  # what is prepared once is prepared by the chief
    if data is None:
        data = load_data(app, config, console.print)
    if cluster is not None and is_chief:
        cluster.barrier()
    batches = data.training_batches(config)
    console.print(batches.summary)
    if is_chief:
        for problem in config.find_problems(batches.number_of_batches):
            console.print(f"note: {problem}")
    served = None
    if service is not None:
        served = read_from_service(batches, hash_config(app.name, config), service)
    group = Devices() if strategy == "mirrored" else cluster
    prepared = time.perf_counter()
    with lock_directory(run.path) if is_chief else contextlib.nullcontext():
        if is_chief:
            run.begin(
                config, overwrite, finish
            )  # not before the data are known to be good: it may remove an earlier run
        if cluster is not None:
            cluster.barrier()
        with watch_service(service):
            epochs = run.count_epochs() if finish else None
            trained = train_network(app, config, data, run, epochs=epochs, group=group, batches=served)
        if not is_chief:
            return {}
        fine_tuning = run.begin_fine_tuning(trained.history.best_epoch)
        epochs = fine_tuning.count_epochs() if finish else None
        if epochs != 0:
            app.fine_tune(trained.network, config, data, fine_tuning, epochs)
        finished = time.perf_counter()
        model = app.build_model(trained.network, data, config)
        metrics: dict[str, Any] = {split: app.score(model, data, split) for split in ("validation", "test")}
        run.save_model(model, app.name)
        figures = {"learning_curves": plot_learning_curves(*trained.history)}
        figures |= app.plot(trained, model, data, config)
        run.save_plots(figures)
        rows = trained.history.rows
        metrics["seconds"] = {
            "data": round(prepared - started, 1),
            "training": round(finished - prepared, 1),
            "epoch": round(sum(row["seconds"] for row in rows) / len(rows), 1),
            "total": round(time.perf_counter() - started, 1),
        }
        write_report(app, run, config.to_json(), metrics)
        run.finish(metrics, config)
        for split in ("validation", "test"):
            show_metrics(f"{config.dataset}, {split} split", metrics[split])
        console.print(f"model: {run.model}   plots: {run.plots}   seconds: {metrics['seconds']['total']}")
        console.print(f"report: {run.report}")
        return {**metrics, "run_dir": str(run.path)}
