"""Probability traces to picks and detections, piece by piece.

`picker` makes picks: `aic` places their onsets, `rivals` weighs those near more probable ones, `coincidence` compares
stations. `detector` makes detections. `follower` does all of it for a record that comes whole or in pieces.
"""
