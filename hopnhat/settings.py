"""What a machine decides: where the database, the landing zone and the reports are. From HOPNHAT_* variables."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from hopnhat.model.errors import MappingError

REPOSITORY = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="HOPNHAT_", extra="ignore")

    home: Path = REPOSITORY / "var"
    database_url: str | None = Field(default=None, description="unified database; unset = the embedded PostgreSQL under home")
    landing: str | None = Field(default=None, description="landing root, a folder or s3://…; unset = home/landing")
    reports: Path | None = None
    mappings: Path | None = Field(default=None, description="another folder of system mappings")
    workers: int = Field(default_factory=lambda: min(4, len(os.sched_getaffinity(0))))

    def landing_root(self) -> str:
        return self.landing or str(self.home / "landing")

    def reports_dir(self) -> Path:
        return self.reports or self.home / "reports"


@cache
def settings() -> Settings:
    return Settings()


def legacy_url(system: str, connection: str) -> str:
    """URL of a legacy system for the CLI: HOPNHAT_CONN_<ID>, else connections.json in the home. (Airflow has its own.)

    Raises:
        MappingError: no such connection is known on this machine.
    """
    variable = f"HOPNHAT_CONN_{connection.upper()}"
    if url := os.environ.get(variable):
        return url
    file = settings().home / "connections.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if connection not in known:
        raise MappingError(f"{system}: no connection {connection!r} on this machine", hint=f"set {variable} to the system's URL")
    return str(known[connection])
