"""Analysts' labels: picks, and stretches of recordings that have a class.

`reading` reads them from `tables` (CSV) and `catalogues` (whatever ObsPy reads), each once; `matching` says to which
records they belong; `linking` names events for those that have none.
"""
