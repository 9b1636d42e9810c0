"""What is scattered on the way and around the station: how onsets emerge, and the codas behind them."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import lfilter

from seisnet.synthetic import source
from seisnet.synthetic.paths import Path
from seisnet.synthetic.values import Floats, log_uniform

_RMS_RADIATION = {"P": 0.52, "S": 0.63}
"""Of a double couple over the focal sphere: Boore & Boatwright (1984), table 1."""

_RISE_S = (0.03, 1.0)
"""In which energy that is scattered forwards, again and again, arrives: it makes an onset emerge."""

_LASTING_S = (1.0, 8.0)
"""How long what is scattered between source and station keeps coming."""

_LASTING_SHARE = {"P": 2.0, "S": 0.5}
"""Most of such energy, for a unit of what nearby structure scatters; P turns into S on the way, S hardly into P."""

_VERTICAL_SPREAD = 0.3
"""Standard deviation, between paths, of the logarithm of the amplitude of scattered energy on the vertical."""

_LENGTHENING_S = 20.0
"""Travel time after which the two are twice as long."""


def scattered(path: Path, spikes: Floats, time_s: Floats, rng: np.random.Generator) -> Floats:
    """Random spikes with the energy of single scattering on the way and of what nearby structure scatters (3, n).

    Parameters
    ----------
    path : Path
        Of one phase.
    spikes : float64 (3, n)
        Of its rays.
    time_s : float64 (n,)
        After the origin.
    rng : numpy.random.Generator
        Source of the spikes, and of how late and how long they come.
    """
    event, station = path.event, path.station
    rate = 1.0 / (time_s[1] - time_s[0])
    direct = (2.0 * _RMS_RADIATION[path.phase] * path.level) ** 2
    # P loses far more to S than to P: Aki (1992)
    scattering_per_s = event.scattering_per_km * path.speed_km_s * (8.0 if path.phase == "P" else 1.0)
    far = direct * scattering_per_s * source.scattered_energy(time_s, path.onset_s) / rate
    arriving = np.sum(spikes**2, axis=0)
    strongest = int(np.argmax(arriving))
    arriving[np.searchsorted(time_s, path.onset_s)] += 0.1 * direct
    near = station.scattered_energy * _spread(path, arriving, rate, rng)
    # what comes soon after the onset still moves as the ray did
    polarisation = spikes[:, strongest] / np.linalg.norm(spikes[:, strongest])
    memory = 0.7 * np.exp(-np.maximum(time_s - path.onset_s, 0.0) / station.scattered_decay_s)
    balance = np.array([1.0, 0.9, 0.9] if path.phase == "P" else [0.63, 1.0, 1.0])
    balance[0] *= math.exp(_VERTICAL_SPREAD * rng.standard_normal())
    balance /= np.linalg.norm(balance)
    noise = np.sqrt(memory) * polarisation[:, None] * rng.standard_normal(len(time_s))
    noise += np.sqrt(1.0 - memory) * balance[:, None] * rng.standard_normal((3, len(time_s)))
    return np.asarray(np.sqrt(far + near) * noise)


def _spread(path: Path, arriving: Floats, rate: float, rng: np.random.Generator) -> Floats:
    """Spread arriving energy (n,) over the time after it.

    Some dies away from the onset on, some rises first, as the envelopes of pulses do that are scattered forwards (Sato
    & Fehler 1998, chapter 8), and some keeps coming: between a P of a distant earthquake and its S there is no lull.
    """
    longer = 1.0 + path.onset_s / _LENGTHENING_S
    decay_s = path.station.scattered_decay_s + 0.02 * path.onset_s
    rise_s = longer * log_uniform(_RISE_S, rng)
    late = rng.random()
    spread = (1.0 - late) * _decaying(arriving, decay_s * rate)
    spread += late * _decaying(_decaying(arriving, rise_s * rate), max(rise_s, decay_s) * rate)
    lasting = rng.uniform(0.0, _LASTING_SHARE[path.phase])
    return np.asarray(spread + lasting * _decaying(arriving, longer * log_uniform(_LASTING_S, rng) * rate))


def _decaying(energy: Floats, n_samples: float) -> Floats:
    """The same energy, each bit of it spread over an exponential decay of a time constant in samples."""
    keep = math.exp(-1.0 / n_samples)
    return np.asarray(lfilter([1.0 - keep], [1.0, -keep], energy))
