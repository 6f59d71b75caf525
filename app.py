"""Builds the application: the only file that imports every package."""

from typing import Any

from flask import Flask

from core import config as settings
from core.db import init_db
from dealership import models as _dealership_tables  # noqa: F401
from inventory import models as _inventory_tables  # noqa: F401
from jobs import models as _job_tables  # noqa: F401


def create_app(config: settings.Config | None = None, **overrides: Any) -> Flask:
    """The Flask application for `config` (default: read from the environment).

    Raises core.config.BadSetting when a setting is unknown, missing or unusable.
    """
    config = config or settings.load(**overrides)
    app = Flask(__name__, instance_path=config.instance_dir)
    app.config["SECRET_KEY"] = config.secret_key
    app.extensions["vitrine"] = config
    init_db(app, config)
    return app
