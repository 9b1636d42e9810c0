"""Reports: frozen values in, one self-contained HTML file out.

`document` is what a report is made of, `html` makes a file of it, and `folder` is where that goes. `classification`,
`evaluation`, `score` and `audit` each write one report; `figures` draws single figures. `viewer` answers for a report
whose seismograms are drawn on demand, through the local server of `serving`.
"""
