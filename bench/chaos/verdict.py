"""Compares what buyers were told with what is there."""

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.chaos.clients import Intention

_TOKEN = re.compile(r"intencao-\d+")


@dataclass
class Verdict:
    """Counts of intentions; `lost` and `doubled` must be empty."""

    posts: int = 0
    requests: int = 0
    accepted: int = 0
    refused: int = 0  # given up, and told so every time
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)  # answers no buyer should get
    failures: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    longest_outage_seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.odd) and self.accepted > 0


def read_logs(paths: Iterable[Path]) -> list[Intention]:
    """What the clients noted."""
    return [
        Intention(**json.loads(line)) for path in paths for line in path.read_text().splitlines()
    ]


def judge(intentions: list[Intention], database_url: str, exported: Iterable[str]) -> Verdict:
    """Every accepted intention must be stored once, read once and exported once."""
    found = Verdict(posts=len(intentions))
    stored, entered = _database(database_url)
    names = _exported_names(exported, stored)
    ids = {row["id"]: row["token"] for row in stored}
    times = Counter(row["token"] for row in stored)
    for intention in intentions:
        token = intention.token
        found.requests += intention.requests
        found.failures += intention.failures
        found.statuses.update(intention.statuses)
        if any(status < 500 and status != 429 for status in intention.statuses):
            found.odd.append(f"{token}: answered {sorted(set(intention.statuses))}")
        if times[token] > 1 or entered[token] > 1 or names[token] > 1:
            found.doubled.append(
                f"{token}: {times[token]} stored, {entered[token]} read, {names[token]} exported"
            )
        if not intention.ids:
            found.refused += 1
            continue
        found.accepted += 1
        if not (times[token] and entered[token] and names[token]):
            found.lost.append(
                f"{token}: {times[token]} stored, {entered[token]} read, {names[token]} exported"
            )
        if any(ids.get(one) != token for one in intention.ids):
            found.lost.append(f"{token}: thanked at an address that is not its own")
    found.longest_outage_seconds = _longest_gap([i.accepted_at for i in intentions if i.ids])
    return found


def _database(url: str) -> tuple[list[dict[str, Any]], Counter[str]]:
    """What is stored (oldest first) and how often each token was read, past our own models."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT id, page_key, payload FROM submission ORDER BY received_at, id")
        ).all()
        messages = connection.scalars(sa.text("SELECT message FROM enquiry")).all()
    engine.dispose()
    stored = [
        {"id": row.id, "page_key": row.page_key, "token": _token(json.dumps(row.payload))}
        for row in rows
    ]
    return stored, Counter(_token(message) for message in messages)


def _exported_names(lines: Iterable[str], stored: list[dict[str, Any]]) -> Counter[str]:
    """How often each token's submission stands in the export, by the names given there."""
    by_name = {row["id"]: row["token"] for row in stored}
    first: dict[str, str] = {}
    for row in stored:
        first.setdefault(row["page_key"], row["token"])
    found: Counter[str] = Counter()
    for line in lines:
        for name in json.loads(line)["submissions"]:
            found[by_name.get(name) or first.get(name, "")] += 1
    return found


def _token(text: str) -> str:
    match = _TOKEN.search(text)
    return match.group() if match else ""


def _longest_gap(instants: list[float]) -> float:
    ordered = sorted(instants)
    return max((b - a for a, b in itertools.pairwise(ordered)), default=0.0)
