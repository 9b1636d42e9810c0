"""The page of `seisnet review`: picks and samples out as JSON, answers in."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from seisnet import plots
from seisnet.classification.views import View, find_pick
from seisnet.errors import ConfigError
from seisnet.picks import Pick, iso_time
from seisnet.report.html import asset, make_environment, sha256_base64
from seisnet.report.serving import JSON, Reply, Request
from seisnet.report.viewer import Picked
from seisnet.review.answers import Answer, Answers
from seisnet.scoring.metrics import known
from seisnet.waveforms.records import COMPONENTS, NS_PER_S

LONGEST_VIEW_S = 600.0
LARGEST_MOVE_S = 60.0
MOST_POINTS = 60_000
"""Of a component; of a longer one only the extremes of short stretches are sent."""


class ReviewPage:
    """Answers the browser of one review.

    Parameters
    ----------
    picked : Picked
        Picks, waveforms, model.
    answers : Answers
        Takes what the analyst says.
    """

    def __init__(self, picked: Picked, answers: Answers) -> None:
        self.picked, self.answers = picked, answers
        self._lock = threading.Lock()
        self._page, self._policy = _render(picked.name, str(answers.path))

    def answer(self, request: Request) -> Reply | None:
        """Reply to a request of the page."""
        if request.method == "POST":
            return _json(self._take(request.body)) if request.path == "answer" else None
        if request.path == "":
            return Reply(self._page, policy=self._policy)
        if request.path == "picks":
            with self._lock:  # a page that is loaded again shows what it has just sent
                return _json([self._pick(pick) for pick in self.picked.picks])
        if request.path == "waveform":
            return _json(self._waveform(request))
        return None

    def _pick(self, pick: Pick) -> dict[str, Any]:
        answer = self.answers.latest.get(pick.pick_id)
        return {
            "id": pick.pick_id,
            "station": pick.station_id,
            "channel": pick.channel_id,
            "phase": pick.phase,
            "time_us": (pick.time_ns + 500) // 1000,
            "time": iso_time(pick.time_ns),
            "probability": known(pick.probability),
            "uncertainty_s": known(pick.uncertainty_s),
            "snr_db": known(pick.snr_db),
            "status": answer.status if answer else "",
            "said_phase": answer.phase if answer else pick.phase,
            "said_offset_s": (answer.time_ns - pick.time_ns) / NS_PER_S if answer else 0.0,
        }

    def _waveform(self, request: Request) -> dict[str, Any]:
        pick = find_pick(self.picked.picks, request.query.get("pick", ""))
        before_s, after_s = _seconds(request, "before"), _seconds(request, "after")
        band = request.query.get("band", "")
        band_hz = _band(band) if band else None
        view = self.picked.around(pick, before_s=before_s, after_s=after_s, band_hz=band_hz)
        return _plain_view(view, pick, self.picked.model.classes if self.picked.model else ())

    def _take(self, body: Any) -> dict[str, Any]:
        pick = find_pick(self.picked.picks, str(body.get("id", "")))
        phase, rejected, offset_s = body.get("phase"), body.get("rejected"), body.get("offset_s")
        if not isinstance(phase, str) or not 0 < len(phase) <= 16 or not phase.isprintable():
            raise ConfigError(f"phase {phase!r} is not the name of a phase")
        if isinstance(offset_s, bool) or not isinstance(offset_s, int | float) or not abs(offset_s) <= LARGEST_MOVE_S:
            raise ConfigError(
                f"offset_s {offset_s!r}: seconds between -{LARGEST_MOVE_S:g} and {LARGEST_MOVE_S:g} are needed"
            )
        if not isinstance(rejected, bool):
            raise ConfigError(f"rejected {rejected!r}: true or false is needed")
        # The file holds microseconds.
        time_ns = pick.time_ns + round(offset_s * 1e6) * 1000
        status = "rejected" if rejected else "moved" if time_ns != pick.time_ns else "accepted"
        with self._lock:
            now = self._pick(pick)
            if body.get("before", said := _said(now)) != said:
                raise ConfigError(f"another tab has answered it: {now['status']}; reload this page to see what is said")
            self.answers.add(pick, Answer(pick.pick_id, status, phase, time_ns))
            return self._pick(pick)


def _said(pick: dict[str, Any]) -> list[Any]:
    """What a page shows of the answer to a pick, and sends back with another one."""
    return [pick["status"], pick["said_phase"], pick["said_offset_s"]]


def _plain_view(view: View, pick: Pick, classes: tuple[str, ...]) -> dict[str, Any]:
    """What the page draws: times in seconds from the pick."""
    start_s = (view.start_ns - pick.time_ns) / NS_PER_S
    n = view.data.shape[1]
    size = -(-n // MOST_POINTS)
    # Of thinned samples two stand for each stretch.
    step_s = size / (2 if size > 1 else 1) / view.sampling_rate_hz
    return {
        "trace_id": view.trace_id,
        "start_s": start_s,
        "length_s": n / view.sampling_rate_hz,
        "sampling_rate_hz": view.sampling_rate_hz,
        "components": [
            {
                "name": name,
                "samples": _floats(plots.least_and_greatest(row, size) if size > 1 else row),
                "step_s": step_s,
            }
            for name, row in zip(COMPONENTS, view.data, strict=True)
            if plots.varies(row)
        ],
        "probabilities": [
            {"name": name, "values": _floats(row)} for name, row in zip(classes, view.probabilities, strict=False)
        ],
        "probability_times_s": _floats((view.times_ns - pick.time_ns) / NS_PER_S) if view.probabilities.size else "",
        "picks": [
            {"id": p.pick_id, "phase": p.phase, "at_s": (p.time_ns - pick.time_ns) / NS_PER_S} for p in view.picks
        ],
    }


def _render(name: str, output: str) -> tuple[bytes, str]:
    """The page, and a policy that allows its own script and style, and requests to this server, and nothing else."""
    script, style = (asset("review", f"review.{ending}") for ending in ("js", "css"))
    page = (
        make_environment()
        .from_string(asset("review", "review.html"))
        .render(name=name, output=output, script=Markup(script), style=Markup(style))
    )
    policy = (
        f"default-src 'none'; script-src 'sha256-{sha256_base64(script)}'; style-src 'sha256-{sha256_base64(style)}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page.encode("utf-8", "replace"), policy


def _seconds(request: Request, name: str) -> float:
    try:
        value = float(request.query[name])
    except (LookupError, ValueError) as error:
        raise ConfigError(f"{name}: a number of seconds is needed") from error
    if not 0 < value <= LONGEST_VIEW_S:
        raise ConfigError(f"{name}: got {value:g}; it must lie between 0 and {LONGEST_VIEW_S:g} s")
    return value


def _band(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        return float(low), float(high)
    except ValueError as error:
        raise ConfigError(f"band '{text}' is not of the form 1-20, in Hz") from error


def _floats(values: NDArray[Any]) -> str:
    """Little-endian float32 in base64; NaN stands for a gap."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _json(value: Any) -> Reply:
    return Reply(json.dumps(value, allow_nan=False).encode(), JSON)
