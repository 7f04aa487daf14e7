"""What every finished run leaves in its directory."""

RUN_FILES = {
    *(".rnn_keras.json", "checkpoint", "config.json", "model.keras", "metrics.json", "history.csv", "logs", "plots"),
    "report.html",
}
