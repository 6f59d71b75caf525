"""Logs without personal data: JSON lines in production, readable ones in development.

Everything that is logged, by us or by a library, passes the same chain: who is named by a key
(`phone=`) or looks like a person (a CPF, a phone, an e-mail address) is replaced, control
characters are escaped so that nobody forges a line, and an exception is told by its type and
the places it passed, because the text of an exception often quotes what a visitor typed.
"""

import json
import logging
import re
import sys
import time
import traceback
import uuid
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from types import TracebackType
from typing import Any, TextIO

import structlog
from flask import Flask, Response, current_app, g, request
from structlog.contextvars import bind_contextvars, get_contextvars, unbind_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from core.clock import now
from core.config import Config
from core.errors import DomainError

REDACTED = "[redacted]"
LONGEST_TEXT_CHARS = 2000
DEEPEST_NESTING = 6
REQUEST_ID_HEADER = "X-Request-ID"
PLAIN_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,64}")

# Matched against each word of a key: `customer_name` and `licensePlate` count, `hostname` not.
SENSITIVE_WORDS = frozenset(
    """
    authorization cookie token secret password passwd senha cpf phone telefone celular whatsapp
    email mail name nome message mensagem plate placa vin chassi chassis renavam
    """.split()  # noqa: SIM905
)
KEY_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

# Repetitions are bounded: a hostile text must not make the logging slow.
SENSITIVE_TEXT = re.compile(
    r"""
      (?<=://)[^/\s:@]{0,64}:[^/\s@]{1,128}@                            # user:password@ in a URL
    | [\w.+%-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}          # e-mail
    | \beyJ[\w-]{4,4096}\.[\w-]{1,4096}(?:\.[\w-]{0,4096})?             # JSON web token
    | /(?:webhooks/[\w-]{1,32}|feeds)/[\w-]{8,128}                     # an address that is a secret
    | \b(?:Bearer|Basic)\s+[\w.~+/=-]{6,4096}                           # Authorization
    | (?<![\w.-])\d{3}\.?\d{3}\.?\d{3}-?\d{2}(?![\w-])                  # CPF
    | (?<!\w)\+\d[\d\s().-]{7,20}\d(?!\w)                               # phone, international
    | (?<![\w.-])(?:55[\s.-]?)?\(?0?\d{2}\)?[\s.-]{0,2}9?[\s.-]?\d{4}[\s.-]?\d{4}(?![\w-])
    | (?<![\w.-])9?\d{4}-\d{4}(?![\w-])                                 # phone without area code
    """,
    re.VERBOSE,
)
# C0, DEL, C1, line separators and the marks that turn the direction of writing.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

# They log whole addresses, or one line per packet.
NOISY_LOGGERS = (
    *("werkzeug", "httpx", "httpx2", "httpcore", "httpcore2", "PIL", "redis"),
    "alembic.runtime.plugins",
)


def redact_text(text: str) -> str:
    """`text`, at most 2,000 characters of it, without CPFs, phones, e-mail addresses or tokens."""
    return SENSITIVE_TEXT.sub(REDACTED, text[:LONGEST_TEXT_CHARS])


def escape_control(text: str) -> str:
    """`text` in one line: control characters become `\\xNN` or `\\uNNNN`."""
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def request_id() -> str:
    """The identifier of the request being answered, or "" outside of one."""
    return str(get_contextvars().get("request_id", ""))


def init_logging(app: Flask, config: Config) -> None:
    """Send every log line to stderr in our form, and write one line per request of `app`."""
    renderer: Processor
    exceptions: list[Processor]
    if config.is_production:
        exceptions, renderer = [_tell_exception], structlog.processors.JSONRenderer()
    else:
        exceptions, renderer = [], structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    context: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
    ]
    # Nothing of this stands in our lines, and each costs every one of them (the logging module's
    # own advice, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = _StderrHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=context,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *exceptions,
                _clean,
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
                renderer,
            ],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *context,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [old for old in root.handlers if not isinstance(old, _StderrHandler)]
    root.addHandler(handler)
    root.setLevel(config.log_level.upper())
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    app.extensions[_EXTENSION] = _tell_request_in_json if config.is_production else _tell_request
    app.before_request(_start_request)
    app.after_request(_log_request)
    app.teardown_request(_end_request)


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to whatever stderr is now: servers and test runners replace it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


_ACCESS = logging.getLogger("vitrine.access")
_EXTENSION = "vitrine_access"  # what writes the line of a request


def _start_request() -> None:
    offered = request.headers.get(REQUEST_ID_HEADER, "")
    # Only a plain token is taken over: it ends up in logs and in the answer.
    g.request_id = offered if PLAIN_TOKEN.fullmatch(offered) else uuid.uuid4().hex
    g.request_started = time.perf_counter()
    bind_contextvars(request_id=g.request_id)


def _log_request(response: Response) -> Response:
    if "request_started" not in g:  # something failed before our first line ran
        return response
    response.headers[REQUEST_ID_HEADER] = g.request_id
    if not _ACCESS.isEnabledFor(logging.INFO):  # a line costs as much as a quick page
        return response
    current_app.extensions[_EXTENSION](
        method=request.method[:16],
        # The template, never the path: paths and queries carry what people typed.
        route=request.url_rule.rule if request.url_rule else "(none)",
        status=response.status_code,
        ms=round((time.perf_counter() - g.request_started) * 1000, 1),
    )
    return response


def _tell_request(**facts: Any) -> None:
    structlog.get_logger("vitrine.access").info("request", **facts)


def _tell_request_in_json(**facts: Any) -> None:
    """The same line without the chain, which takes a tenth of a quick page's time: only what the
    visitor sent is cleaned."""
    line = {
        **facts, "method": _clean_text(facts["method"]), "event": "request",
        "request_id": _clean_text(g.request_id), "level": "info", "logger": _ACCESS.name,
        "at": now().isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    # A full disk or a closed pipe costs the line, not the answer.
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{json.dumps(line)}\n")


def _end_request(_error: BaseException | None) -> None:
    unbind_contextvars("request_id")


def _tell_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by the types, our own sentence if it is one, and the places passed."""
    info = event.pop("exc_info", None)
    event.pop("exception", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        chain = _chain(error)
        event["error"] = " < ".join(type(link).__name__ for link in chain)
        if isinstance(error, DomainError):
            event["reason"] = str(error)
        event["frames"] = [place for link in chain for place in _places(link.__traceback__)]
    return event


def _chain(error: BaseException) -> list[BaseException]:
    chain = [error]
    while len(chain) < DEEPEST_NESTING:
        last = chain[-1]
        cause = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
        if cause is None:
            break
        chain.append(cause)
    return chain


def _places(where: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(where)[-12:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _clean(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last word before a line is written: no personal data, no control characters."""
    info = event.pop("exc_info", None)
    cleaned: dict[str, Any] = _clean_mapping(event, 0)
    if info is not None:  # development only: the console draws the traceback
        cleaned["exc_info"] = info
    return cleaned


def _clean_mapping(values: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    return {
        _clean_key(str(key)): REDACTED if _is_sensitive(str(key)) else _clean_value(value, depth)
        for key, value in values.items()
    }


@lru_cache(1024)
def _is_sensitive(key: str) -> bool:
    words = (word.lower() for word in KEY_WORD.findall(key))
    return any(word in SENSITIVE_WORDS or word.rstrip("s") in SENSITIVE_WORDS for word in words)


def _clean_value(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        text = str(value)
        return value if redact_text(text) == text else REDACTED
    if isinstance(value, str):
        return _clean_text(value)
    if depth >= DEEPEST_NESTING:
        return "…"
    if isinstance(value, Mapping):
        return _clean_mapping(value, depth + 1)
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean_value(item, depth + 1) for item in value]
    return _clean_text(repr(value))


@lru_cache(256)
def _clean_key(key: str) -> str:
    """Remembered: keys are words of the code, nearly always, and every line repeats them."""
    return _clean_text(key)


def _clean_text(text: str) -> str:
    return escape_control(redact_text(text))
