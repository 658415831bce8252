"""Database URLs read as SQLAlchemy reads them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from hopnhat.load.target import connect
from hopnhat.model.errors import MappingError
from hopnhat.urls import Place, place_of

_NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
_RAW = st.text(st.sampled_from("aZ9+:/?#[]!$&'()*,;=~_-. ă"), max_size=12)  # a password as a hasty person writes it
_HOSTS = st.sampled_from(["", "localhost", "10.0.0.7", "db.tinh.gov.vn", "[fe80::1]"])
_PORTS = st.sampled_from(["", ":3306", ":5432"])
_DATABASES = st.sampled_from(["", "/", "/mot_cua", "/một_cửa", "/a#b"])
_QUERIES = st.sampled_from(["", "?charset=utf8mb4", "?host=%2Frun%2Fpg&application_name=a+b", "?options=-c%20search_path%3Dx"])


def as_sqlalchemy(url: str) -> Place:
    parsed = make_url(url)
    query = {name: value if isinstance(value, str) else value[-1] for name, value in parsed.query.items()}
    return Place(parsed.host or "", parsed.port, parsed.username or "", str(parsed.password or ""), parsed.database or "", query)


@given(_NAMES, _NAMES, _HOSTS, _PORTS, _DATABASES, _QUERIES)
def test_encoded_names_and_passwords(user: str, password: str, host: str, port: str, database: str, query: str) -> None:
    url = f"mysql+pymysql://{quote(user, safe='')}:{quote(password, safe='')}@{host}{port}{database}{query}"
    assert place_of(url) == as_sqlalchemy(url)
    assert (place_of(url).user, place_of(url).password) == (user, password)


@given(_RAW, _HOSTS, _PORTS, _DATABASES)
def test_passwords_that_nobody_encoded(password: str, host: str, port: str, database: str) -> None:
    url = f"postgresql+psycopg2://hopnhat:{password}@{host}{port}{database}"
    assert place_of(url) == as_sqlalchemy(url)
    assert place_of(url).password == password


@given(_HOSTS, _PORTS, _DATABASES, _QUERIES)
def test_without_a_name(host: str, port: str, database: str, query: str) -> None:
    url = f"mysql://{host}{port}{database}{query}"
    assert place_of(url) == as_sqlalchemy(url)


@pytest.mark.parametrize("url", ["", "mot_cua.db", "mysql://u:geheim@host:drei/x", "mysql:u:geheim@host"])
def test_what_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(MappingError) as refused:
        place_of(url)
    assert "geheim" not in str(refused.value)


def test_an_option_that_postgresql_does_not_know_is_named_as_such() -> None:
    with pytest.raises(MappingError, match="does not know"):
        connect("postgresql://u:geheim@127.0.0.1:1/x?chartset=utf8")


def test_the_command_line_plans_a_mysql_system_without_sqlalchemy() -> None:
    """Its import would cost every process of the command line a tenth of a second."""
    look = "import hopnhat.migrate, hopnhat.pipeline, hopnhat.workers, hopnhat.extract.mysql, sys; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": str(Path.cwd())})
    assert done.stdout.strip() == "False"
