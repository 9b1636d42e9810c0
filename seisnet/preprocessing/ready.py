"""What a process needs to make windows, imported and found before it starts: see `seisnet.engine.Engine.get_ready`.

The server of processes imports this module while the command's own process still looks for its sources.
"""

import numpy.fft
import numpy.ma  # noqa: F401, as the others for the processes that are forked

import seisnet.preprocessing.merging  # noqa: F401
from seisnet.nn import blas_threads
from seisnet.waveforms.mseed_samples import mseed_reader

mseed_reader()
with blas_threads(1):
    pass  # which has found OpenBLAS
