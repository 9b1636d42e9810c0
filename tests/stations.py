"""Station metadata of a made-up station, and traces of sensors whose components stand askew."""

import obspy
from obspy.core.inventory import Channel, Inventory, Network, Site, Station
from obspy.core.inventory import Response as ObsPyResponse

from seisnet.waveforms.inventory import read_stations

ZEROS, POLES = [0j, 0j], [-4.44 + 4.44j, -4.44 - 4.44j]
"""A geophone of 1 Hz."""


def write_stations(path, *channels, response=None):
    """Channels are (code, azimuth, dip, first day, last day), the days since 2020."""
    day0 = obspy.UTCDateTime(2020, 1, 1)
    made = [
        Channel(
            code, "", 0.0, 0.0, 0.0, 0.0, azimuth=azimuth, dip=dip, sample_rate=100.0, response=response,
            start_date=day0 + 86_400 * first, end_date=day0 + 86_400 * last,
        )
        for code, azimuth, dip, first, last in channels
    ]  # fmt: skip
    station = Station("APE", 0.0, 0.0, 0.0, channels=made, site=Site("x"))
    Inventory([Network("GE", stations=[station])], source="test").write(str(path), format="STATIONXML")
    return path


def geophone(gain=2000.0):
    return ObsPyResponse.from_paz(
        ZEROS, POLES, gain, stage_gain_frequency=10.0, input_units="M/S", output_units="COUNTS"
    )


GALPERIN = {"U": (90.0, -35.264), "V": (330.0, -35.264), "W": (210.0, -35.264)}
"""Azimuths and dips of three axes at right angles that make the same angle with the vertical."""


def askew(axes, path, make_trace, noise):
    """Traces of components that point in some directions, and the station metadata that say so."""
    traces = [make_trace(noise(500, k), f"GE.APE..HH{letter}") for k, letter in enumerate(axes)]
    channels = [(f"HH{letter}", *axis, 0, 9) for letter, axis in axes.items()]
    return traces, read_stations((write_stations(path / "s.xml", *channels),))
