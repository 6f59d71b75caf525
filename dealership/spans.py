"""Arithmetic on stretches of time. A list that comes out is in order and its spans neither touch
nor overlap; what goes in may be in any order."""

from collections.abc import Iterable

from dealership.hours import Span


def joined(spans: Iterable[Span]) -> list[Span]:
    """Everything that any of `spans` covers."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        elif span.start < span.end:
            found.append(span)
    return found


def shared(ones: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """What both cover."""
    right = joined(others)
    return joined(
        Span(max(one.start, other.start), min(one.end, other.end))
        for one in joined(ones)
        for other in right
        if one.start < other.end and other.start < one.end
    )


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What `spans` cover and `taken` do not."""
    left = joined(spans)
    for gone in joined(taken):
        left = [
            part
            for span in left
            for part in (
                Span(span.start, min(span.end, gone.start)),
                Span(max(span.start, gone.end), span.end),
            )
            if part.start < part.end
        ]
    return left
