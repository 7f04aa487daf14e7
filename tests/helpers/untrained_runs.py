"""Finished runs of networks that have learnt nothing: for tests in which it does not matter what a model answers."""

import tyro

from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.train import build_initial_network


def make_untrained_run(app, run_dir, *arguments):
    """Writes a run of an app with the settings of these flags; takes a fraction of the time of any training."""
    config = tyro.cli(app.config_class, args=[str(argument) for argument in arguments])
    data = app.load_data(config)
    network = build_initial_network(app, config, data)[1]
    run = RunDirectory(run_dir)
    run.begin(config, overwrite=False)
    run.save_model(app.build_model(network, data, config), app.name)
    run.finish({"validation": {}, "test": {}})
    return run_dir
