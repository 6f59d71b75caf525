"""Settings: a mistake stops the start with a sentence."""

from dataclasses import fields
from pathlib import Path

import pytest

from core.config import ROOT, BadSetting, Config, load


@pytest.fixture
def folder(tmp_path: Path) -> dict[str, str]:
    return {"VITRINE_INSTANCE_DIR": str(tmp_path)}


def test_an_unknown_setting_stops_the_start(folder):
    with pytest.raises(BadSetting, match="VITRINE_DATABSE_URL is not a setting"):
        load({**folder, "VITRINE_DATABSE_URL": "sqlite:///x.db"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEB_WORKERS", "two"),
        ("WEB_WORKERS", "-1"),
        ("ALLOW_PRIVATE_URLS", "maybe"),
        ("IMPORT_WITHDRAW_SHARE", "30"),
        ("IMPORT_WITHDRAW_SHARE", "nan"),
        ("ENV", "staging"),
        ("LOG_LEVEL", "loud"),
        ("BASE_URL", "www.loja.com.br"),
        ("BASE_URL", "https://www.loja.com.br/site"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "sqlite:///:memory:"),
    ],
)
def test_an_unusable_value_stops_the_start(folder, name, value):
    with pytest.raises(BadSetting, match=f"VITRINE_{name}"):
        load({**folder, f"VITRINE_{name}": value})


@pytest.mark.parametrize(
    "settings",
    [
        {"VITRINE_INSTANCE_DIR": "/proc/nowhere"},
        {"VITRINE_INSTANCE_DIR": __file__},
        {"VITRINE_DATABASE_URL": "sqlite:////nowhere/at/all.db"},
    ],
)
def test_a_folder_that_cannot_be_used_stops_the_start(folder, settings):
    with pytest.raises(BadSetting, match=next(iter(settings))):
        load({**folder, **settings})


def test_other_programs_variables_are_left_alone(folder):
    assert load({**folder, "PATH": "/bin", "FLASK_DEBUG": "1"}).env == "development"


def test_a_weak_secret_is_refused_in_production_only(folder):
    weak = {**folder, "VITRINE_SECRET_KEY": "changeme"}
    assert load(weak).secret_key == "changeme"
    with pytest.raises(BadSetting, match="too weak"):
        load({**weak, "VITRINE_ENV": "production"})


def test_the_first_run_makes_a_secret_and_keeps_it(folder):
    first = load(folder).secret_key
    assert len(first) >= 32
    assert load(folder).secret_key == first
    file = Path(folder["VITRINE_INSTANCE_DIR"]) / "secret_key"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_hosts_old_database_scheme_is_understood(folder):
    config = load({**folder, "VITRINE_DATABASE_URL": "postgres://u@h/d"})
    assert config.database_url == "postgresql://u@h/d"


def test_commands_name_the_site_that_runs_and_a_public_site_names_itself(folder, tmp_path):
    assert load(folder).base_url == "http://127.0.0.1:8000"
    (tmp_path / "origin").write_text("http://127.0.0.1:8103")
    assert load(folder).base_url == "http://127.0.0.1:8103"
    told = {**folder, "VITRINE_BASE_URL": "https://www.loja.com.br"}
    assert load(told).base_url == "https://www.loja.com.br"
    public = {**folder, "VITRINE_ENV": "production", "VITRINE_SECRET_KEY": "x7" * 20}
    assert load(public).base_url == "http://127.0.0.1:8000"


def test_every_setting_is_documented():
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    missing = [f.name for f in fields(Config) if f"`VITRINE_{f.name.upper()}`" not in text]
    assert missing == []
