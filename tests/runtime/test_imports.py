"""Running an exported file needs neither TensorFlow nor Keras."""

import subprocess
import sys


def test_the_runtime_imports_neither_tensorflow_nor_keras():
    program = (
        "import sys, rnn_keras.runtime as runtime\n"
        "assert all(hasattr(runtime, name) for name in runtime.__all__)\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert "numpy" in modules and not modules & {"tensorflow", "keras", "ai_edge_litert", "onnxruntime", "rich"}
