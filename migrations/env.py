"""How migrations reach the database, online only.

SQLite rebuilds a table to alter it. With foreign keys on, dropping the old parent deletes its
children (ON DELETE CASCADE) without an error, so they go off before the transaction begins, and
the run fails if any reference is broken afterwards.
"""

from alembic import context
from flask import current_app
from sqlalchemy import text

from core.db import UtcDateTime, db, write_gate
from core.site_version import MIGRATING


def render_item(kind, item, _autogen_context):
    """Write our own types as plain columns, so that a migration outlives the class."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    engine = db.engine
    is_sqlite = engine.dialect.name == "sqlite"
    options = current_app.extensions["migrate"].configure_args
    with write_gate(engine), engine.connect() as connection:
        connection.execution_options(**{MIGRATING: True})
        if is_sqlite:
            # Between BEGINs only: the pragma is ignored inside a transaction.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
        else:
            # Two web processes upgrading together would race; the lock goes with the connection.
            connection.execute(text("SELECT pg_advisory_lock(724093)"))
            # Who waits for a table lock makes everybody behind it wait, too: rather give up whole.
            connection.execute(text("SET lock_timeout = '5s'"))
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            **options,
        )
        with context.begin_transaction():
            context.run_migrations()
        if is_sqlite:
            broken = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
            connection.rollback()
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=ON")
            if broken:
                raise RuntimeError(f"the migration broke references: {broken[:5]}")
        else:
            connection.execute(text("SELECT pg_advisory_unlock(724093)"))
            connection.execute(text("RESET lock_timeout"))
            connection.commit()


run()
