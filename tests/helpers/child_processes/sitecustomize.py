"""Less garbage collection and fewer imports, for the tests and their child processes, where Python reads this file.

Graphs are millions of objects, through which the collector goes again and again, a tenth of the time, and once more
before a process ends.
"""

import gc
import runpy
from pathlib import Path

gc.set_threshold(200_000, 20, 100)
# By its file: the project is not on every child's path, and Python reads this before it knows the path of a program.
quick_start = Path(__file__).resolve().parents[3] / "rnn_keras/utils/quick_start.py"
runpy.run_path(str(quick_start))["start_quickly"]()
