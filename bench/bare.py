"""The bare reference for accepting a lead: Flask, one INSERT, one fsync, the same answer."""

import json
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from flask import Flask, redirect, request
from werkzeug.wrappers import Response

_own = threading.local()
app = Flask("bare")


def prepare(path: Path) -> None:
    """Make the database, once: processes that all switch it to WAL at their start lock each other
    out."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE lead (id INTEGER PRIMARY KEY, form TEXT)")


def _connection() -> sqlite3.Connection:
    if not hasattr(_own, "connection"):
        connection = sqlite3.connect(os.environ["BARE_DATABASE"], timeout=30, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        _own.connection = connection
    return _own.connection


@app.post("/contato")
def keep() -> Response:
    form = json.dumps(request.form.to_dict())
    _connection().execute("INSERT INTO lead (form) VALUES (?)", (form,))
    return redirect("/obrigado", code=303)
