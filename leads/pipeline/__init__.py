"""The life of a lead from the first word to the sale: what may happen, who must act, by when.

Everything that happens is an event of the append-only log (`log.record`). Stage ("etapa"), turn
("vez"), owner and clocks are derived from it, and rebuilding them gives the same.
"""
