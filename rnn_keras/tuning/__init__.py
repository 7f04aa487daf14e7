"""KerasTuner on an app's search space: trials that share their data, go on after a kill, and run side by side."""
