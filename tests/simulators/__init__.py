"""Portals that are not there: they speak their real API on loopback, written from the portals'
manuals and not from our adapters, with faults on demand. `python -m tests.simulators` serves them.
"""
