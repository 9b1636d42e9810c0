"""Sources read, and `obspy.Stream` made into records, with a reason for whatever can't become one.

`sources` finds what the user names: `files`, `sds`, `fdsn`, `datasets`, `seedlink`. `conditioning` makes `records` of
it: `channels` become components (`names`, `inventory`), traces gap-free `segments`, rates are changed by `resampling`,
faults of recorders told by `quality`.
"""
