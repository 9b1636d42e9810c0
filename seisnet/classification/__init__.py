"""From sources to picks: the job of `seisnet classify`.

`job` is where to start. It has `one_source` scan each of the sources, `parts` keep in files what each gave until all
are done. `views` are the stretches around picks.
"""
