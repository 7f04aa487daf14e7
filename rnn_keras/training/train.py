"""What the command `train` does, the same for every app."""

import contextlib
import time
from typing import TYPE_CHECKING

import keras

from rnn_keras.distributed import data_service
from rnn_keras.distributed.cluster import Cluster
from rnn_keras.distributed.data_parallel import distribute_model
from rnn_keras.distributed.devices import Devices
from rnn_keras.training.fit import fit
from rnn_keras.training.load_data import read
from rnn_keras.training.plots import learning_curves
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.files import lock_directory
from rnn_keras.utils.terminal import console, show_metrics

if TYPE_CHECKING:
    from rnn_keras.cli.app import App, TrainingData


def train(
    app: "App",
    config,
    run: RunDirectory,
    overwrite: bool,
    data: "TrainingData | None" = None,
    strategy: str = "none",
    service: str | None = None,
) -> dict:
    """Trains an app's model in the run's folder, from the last finished epoch on, and scores it.

    Args:
        overwrite: whether a finished run may be replaced.
        data: what `app.load(config)` gave, where it is there already.
        strategy: `"none"`; `"mirrored"`: each batch is divided among the devices of this machine; `"multi_worker"`:
            among the processes of a `Cluster`, of which the first writes.
        service: the address, `host:port`, of a data service that makes the batches; None: they are made here.

    Returns:
        What `metrics.json` holds, and the folder as `run_dir`; nothing where another process has written them.

    Raises:
        UserError: the data cannot be had, the folder is another run's or in use, or the training fails.
    """
    cluster = Cluster() if strategy == "multi_worker" else None  # before TensorFlow computes anything
    is_chief = cluster is None or cluster.is_chief
    if is_chief:
        run.require_place(config, overwrite)
    started = time.perf_counter()
    if cluster is not None and not is_chief:
        cluster.meet()  # what is prepared once is prepared by the first
    if data is None:
        data = read(app, config, console.print)
    if cluster is not None and is_chief:
        cluster.meet()
    # After the data: preparing them for the first time draws random numbers, and must not change the result.
    keras.utils.set_random_seed(config.seed)
    batches = data.training_batches(config)
    console.print(batches.summary)
    endless = batches.endless
    if service is not None:
        endless = data_service.served(batches, data_service.name_of(app.name, config), service)
    network = app.build(config, data, config.make_optimizer(batches.number_of_batches))
    if strategy == "mirrored":
        distribute_model(network, Devices())
    prepared = time.perf_counter()
    with lock_directory(run.path) if is_chief else contextlib.nullcontext():
        if is_chief:
            run.begin(config, overwrite)  # not before the data are known to be good: it may remove an earlier run
        if cluster is not None:
            cluster.meet()
        with data_service.watched(service):
            callbacks = app.callbacks(config, data, run)
            rows, best_epoch = fit_app(
                app, config, data, network, batches, run, batches=endless, callbacks=callbacks, cluster=cluster
            )
        if not is_chief:
            return {}
        trained = time.perf_counter()
        metrics = {split: app.score(network, data, split) for split in ("validation", "test")}
        run.save_model(app.assemble(network, data))
        learning_curves(rows, best_epoch, run.plots / "learning_curves.png")
        app.draw(run, data, network)
        metrics["seconds"] = {
            "data": round(prepared - started, 1),
            "training": round(trained - prepared, 1),
            "epoch": round(sum(row["seconds"] for row in rows) / len(rows), 1),
            "total": round(time.perf_counter() - started, 1),
        }
        run.finish(metrics)
        for split in ("validation", "test"):
            show_metrics(f"{config.dataset}, {split} split", metrics[split])
        console.print(f"model: {run.model}   plots: {run.plots}   seconds: {metrics['seconds']['total']}")
        return {**metrics, "run_dir": str(run.path)}


def fit_app(
    app: "App", config, data: "TrainingData", network: keras.Model, training_batches, run: RunDirectory, **others
) -> tuple[list[dict], int]:
    """`fit` (what it returns and raises stands there) as an app and its settings say, but for what `others` say.

    Args:
        training_batches: what `data.training_batches(config)` gave.
        others: arguments of `fit`.
    """
    said = {
        "batches": training_batches.endless,
        "validation": data.validation_dataset(),
        "run": run,
        "steps_per_epoch": training_batches.number_of_batches,
        "epochs": config.passes(training_batches.number_of_batches),
        "patience": config.patience,
        "monitor": app.monitor,
        "mode": app.mode,
        "good_enough": app.good_enough(config, data),
    }
    return fit(network, **(said | others))
