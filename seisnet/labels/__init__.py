"""Analysts' labels: picks, and stretches of recordings that have a class.

`reading` reads them from `tables` (CSV) and `catalogues` (whatever ObsPy reads; `events` adds what its readers leave
out), `phases` tells P from S, and `joining` has each onset once; `matching` says to which records labels belong;
`linking` names events for those that have none.
"""
