"""Public data sets: `entries` describes them, `download` fetches them, `export` writes recordings as one."""
