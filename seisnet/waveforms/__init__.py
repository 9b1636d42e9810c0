"""Reads sources, and makes records of `obspy.Stream`s, with a reason for whatever can't become one.

`finding` finds the `sources` that a user names, as far as a `selection` takes them: waveform files (`files`; `mseed`
indexes miniSEED, ObsPy reads other formats, but `unpickled`, and `groups` says which files are read together), archives
(`sds`), web services (`fdsn`) and data sets (`datasets`, with the columns of `dataset_columns`).

`reading` reads sources, and `conditioning` makes `records` of what is read: `channels` splits channel codes,
`axes` orients components by the `inventory`, `segments` are gap-free, `resampling` changes rates, `alignment` lays
components side by side, `quality` finds faults of recorders, `spikes` are replaced, and `remarks` say what was changed.

`seedlink` receives packets, `packets` joins them and says what is final. `lookup` finds waveforms again, and `examples`
come with ObsPy.
"""
