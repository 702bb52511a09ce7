"""Settings and logs: what is wrong is named, what is secret is not."""

import io
import json
import sys
from pathlib import Path

import pytest
import structlog

from api.logs import HIDDEN, configure_logs
from api.settings import Settings, SettingsInvalid, load_settings


@pytest.fixture(autouse=True)
def _no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


def test_without_any_variable_everything_is_embedded() -> None:
    settings = load_settings()
    assert (settings.database_url, settings.redis_url, settings.port) == ("", "", 8000)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CATALOGRAPH_PORT", "abc", "CATALOGRAPH_PORT is 'abc': input should be a valid integer"),
        (
            "CATALOGRAPH_PORT",
            "70000",
            "CATALOGRAPH_PORT is '70000': input should be less than or equal to 65535",
        ),
        ("CATALOGRAPH_PROT", "8000", "CATALOGRAPH_PROT is not a setting. Did you mean CATALOGRAPH_PORT?"),
        (
            "DATABASE_URL",
            "mysql://u:secret@h/d",
            "DATABASE_URL can't be used: it must begin with postgresql://",
        ),
        ("REDIS_URL", "localhost", "REDIS_URL can't be used: it must begin with redis://"),
        ("CATALOGRAPH_LOG_LEVEL", "loud", "CATALOGRAPH_LOG_LEVEL is 'loud': input should be 'debug'"),
    ],
)
def test_a_wrong_variable_is_named(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid) as told:
        load_settings()
    assert sentence in str(told.value)
    assert "secret" not in str(told.value)


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = Settings(state_folder=tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1
    assert settings.using(port=9).port == 9


def test_logs_carry_ids_and_hide_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    try:
        configure_logs("info", "json")
        log = structlog.get_logger("t")
        with structlog.contextvars.bound_contextvars(request_id="r-1", correlation_id="c-1"):
            log.info(
                "opened postgresql://u:hunter2@h/d", password="hunter2", tries=2, deep={"api_key": "hunter2"}
            )
            log.info("sent Bearer hunter2.x", jwt="eyJhbGciOiJFZERTQSJ9.hunter2.sig")
            log.debug("not wanted")
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(line["request_id"], line["correlation_id"]) for line in lines] == [("r-1", "c-1")] * 2
    assert lines[0]["tries"] == 2
    assert lines[0]["password"] == lines[0]["deep"]["api_key"] == HIDDEN
    assert "hunter2" not in written.getvalue()
