"""Reports: frozen values in, one self-contained HTML file out.

`document` is what a report is made of, `html` makes a file of it, `folder` puts beside it what it was made from. A
module each makes the pages of a `classification`, an `evaluation`, a `score` and an `audit`; `figures` are single
ones. `viewer` draws what is looked at, and is asked through the server of `serving`.
"""
