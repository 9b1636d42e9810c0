"""The registry of public data sets: one TOML file an entry, read by `seisnet.datasets.entries`."""
