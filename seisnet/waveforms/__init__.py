"""Sources read, and `obspy.Stream` made into records, with a reason for whatever can't become one.

`sources` finds what the user names, by `file_names` and a `selection`: `files` (their index by `mseed`, those that are
read together by `groups`), archives by `sds`, services by `fdsn`, `datasets` (their rows by `dataset_columns`).
`source_records` reads them: `conditioning` makes `records`, in which `channels` become components (which way they
point: `axes`, by the `inventory`), traces gap-free `segments`, and these are laid beside each other by `alignment`;
rates are changed by `resampling`, faults of recorders told by `quality`, what was changed by `remarks`; `spans` leaves
to each source what is its own. `seedlink` brings packets, which `packets` puts together, `lookup` finds waveforms
again, and `examples` come with ObsPy.
"""
