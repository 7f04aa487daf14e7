"""Less garbage collection, for the tests and their child processes, where Python reads this file at the start.

Graphs are millions of objects, through which the collector goes again and again, a tenth of the time, and once more
before a process ends.
"""

import atexit
import gc

gc.set_threshold(200_000, 20, 100)
atexit.register(gc.freeze)
