"""The App interface and its commands: train, evaluate, predict, tune, export, serve, serve-data."""

from rnn_keras.utils.extras import exit_without_extra

# Before anything of this package is imported, so that without the extra a command is one sentence, not a traceback.
exit_without_extra("apps", "tyro", "rich", "tensorflow_datasets", "importlib_resources", "sklearn", "PIL")
