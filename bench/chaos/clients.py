"""Buyers: processes that fill in `/contato` and do not give up at the first error."""

import http.client
import json
import multiprocessing
import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlencode

PATIENCE_SECONDS = 90.0  # how long somebody goes on trying
ANSWER_SECONDS = 20.0
FAILURES = (OSError, http.client.HTTPException)


@dataclass
class Intention:
    """One thing one person wants to say once. `token` stands in the message and nowhere else."""

    token: str
    page_key: str
    phone: str
    is_double_click: bool = False
    is_sent_again: bool = False
    requests: int = 0
    failures: int = 0
    statuses: list[int] = field(default_factory=list)  # of answers that took nothing
    ids: list[str] = field(default_factory=list)  # of the thank-you addresses
    accepted_at: float = 0.0  # time.time()

    @property
    def body(self) -> bytes:
        number = self.token.rpartition("-")[2]
        fields = {
            "submission_id": self.page_key,
            "nome": f"Cliente {number}",
            "telefone": self.phone,
            "email": f"cliente{number}@exemplo.com.br" if int(number) % 3 == 0 else "",
            "mensagem": f"Tenho interesse. {self.token}",
        }
        return urlencode(fields).encode()


@dataclass(frozen=True)
class Plan:
    """What one client does: `count` intentions spread over `seconds`."""

    number: int
    count: int
    seconds: float
    port: int
    seed: int
    log_path: Path


def intentions(plan: Plan) -> Iterator[Intention]:
    """The client's intentions: mostly new people, some who ask again, double clicks, resends,
    and pages that several people got from one cache."""
    dice = random.Random(f"{plan.seed}:{plan.number}")
    page_key, phone = "", ""
    for index in range(plan.count):
        shares_page = bool(page_key) and dice.random() < 0.04
        is_same_person = bool(phone) and dice.random() < 0.15
        page_key = page_key if shares_page else str(uuid.UUID(int=dice.getrandbits(128), version=4))
        if not is_same_person:
            phone = f"(11) 9{7 + plan.number % 3}{plan.number // 3}{index:06d}"
        yield Intention(
            f"intencao-{plan.number:02d}{index:06d}",
            page_key,
            phone,
            is_double_click=dice.random() < 0.05,
            is_sent_again=dice.random() < 0.05,
        )


def run(plan: Plan) -> None:
    """Send everything, leaving a line per intention in `plan.log_path`."""
    dice = random.Random(f"{plan.seed}:{plan.number}:pauses")
    started = time.monotonic()
    with plan.log_path.open("w") as log:
        for index, intention in enumerate(intentions(plan)):
            due = started + plan.seconds * index / plan.count
            time.sleep(max(0.0, due - time.monotonic()))
            _pursue(intention, plan.port, dice)
            log.write(json.dumps(asdict(intention)) + "\n")
            log.flush()


def start(plans: list[Plan]) -> list["multiprocessing.context.SpawnProcess"]:
    """A process per plan."""
    context = multiprocessing.get_context("spawn")
    found = [context.Process(target=run, args=(plan,), daemon=True) for plan in plans]
    for process in found:
        process.start()
    return found


def _pursue(intention: Intention, port: int, dice: random.Random) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = 0.2
    while not intention.ids:
        _send(intention, port, twice=intention.is_double_click)
        if intention.ids:
            break
        if time.monotonic() > deadline:
            return
        time.sleep(pause * (0.5 + dice.random()))
        pause = min(2.0, pause * 1.5)
    if intention.is_sent_again:
        _send(intention, port, twice=False)


def _send(intention: Intention, port: int, *, twice: bool) -> None:
    """One click, or two before the first is answered."""
    waiting = []
    for _ in range(1 + twice):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        intention.requests += 1
        try:
            connection.request(
                "POST",
                "/contato",
                intention.body,
                {"Content-Type": "application/x-www-form-urlencoded"},
            )
            waiting.append(connection)
        except FAILURES:
            intention.failures += 1
            connection.close()
    for connection in waiting:
        try:
            answer = connection.getresponse()
            answer.read()
            _note(intention, answer)
        except FAILURES:
            intention.failures += 1
        finally:
            connection.close()


def _note(intention: Intention, answer: http.client.HTTPResponse) -> None:
    if 200 <= answer.status < 400:
        location = answer.headers.get("Location") or ""
        intention.ids.append(location.rpartition("/")[2])
        intention.accepted_at = intention.accepted_at or time.time()
    else:
        intention.statuses.append(answer.status)
