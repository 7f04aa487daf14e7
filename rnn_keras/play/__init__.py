"""A page on which apps are tried in a browser: `python -m rnn_keras play`. Needs the extra `ui`."""
