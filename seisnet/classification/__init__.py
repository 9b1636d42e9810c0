"""From sources to picks: the job of `seisnet classify`.

`job` scans the sources; `parts` keeps what each gave until all are done; `views` are the stretches around picks.
"""
