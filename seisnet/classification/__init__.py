"""From sources to picks: the job of `seisnet classify`.

Start with `job`: it scans each source (`one_source`), keeps each result in a file until all are done (`parts`), and
records what the output was made of (`output`). `views` are the stretches around what was
found, of which a report has some (`chosen_views`); `figures` draws them.
"""
