"""As in the command line: matrix products of one thread each, or many tests at once take turns at every core."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
