"""Every DAG: thin, importable, explained, and retrying only what may be gone in a minute."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = sorted(path for path in (REPOSITORY / "dags").glob("*.py") if path.name not in ("__init__.py", "binding.py", "forms.py"))
HEAVY = (
    "pandas",
    "pandera",
    "pyarrow",
    "sqlalchemy",
    "psycopg2",
    "rapidfuzz",
    "duckdb",
    "pydantic",
    "transforms",
    "validators",
    "hopnhat.pipeline",
)
MAPPING = """\
id: {id}
title: Hệ thống {id}
domain: dossiers
technology: sqlite
connection: legacy_{id}
server: server_{id}
{more}tables:
  - name: ho_so
    entity: dossier
  - name: qua_trinh
    entity: step
"""


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Three systems (one scheduled, one broken) and an Airflow home of our own, before Airflow is first imported."""
    folder = tmp_path_factory.mktemp("dags")
    (folder / "alpha.yml").write_text(MAPPING.format(id="alpha", more=""))
    (folder / "beta.yml").write_text(MAPPING.format(id="beta", more='schedule: "0 2 * * *"\ntags: [wave-1]\n'))
    (folder / "broken.yml").write_text("id: broken\ntitle: [unclosed\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOPNHAT_MAPPINGS", str(folder))
        patch.setenv("AIRFLOW_HOME", str(folder / "airflow"))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        patch.setenv("AIRFLOW__CORE__UNIT_TEST_MODE", "True")
        patch.syspath_prepend(str(REPOSITORY))
        yield folder


@pytest.fixture(scope="module")
def bag(mapped: Path) -> object:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(REPOSITORY / "dags"))


def test_there_are_dag_files() -> None:
    assert {path.stem for path in FILES} >= {"migrate", "migrate_systems"}


def test_every_file_imports(bag) -> None:
    assert bag.import_errors == {}


def test_one_dag_per_system_and_one_for_all(bag) -> None:
    assert set(bag.dags) == {"assess", "migrate", "migrate_alpha", "migrate_beta", "migrate_broken"}


def test_every_dag_is_owned_tagged_and_explained(bag) -> None:
    for dag in bag.dags.values():
        assert "Triage" in dag.doc_md, dag.dag_id
        assert dag.tags, dag.dag_id
        assert {task.owner for task in dag.tasks} == {"it-operations"}, dag.dag_id
        assert dag.max_active_runs == 1, dag.dag_id


def test_system_dag_reads_its_mapping(bag) -> None:
    alpha, beta = bag.dags["migrate_alpha"], bag.dags["migrate_beta"]
    assert {"dossiers", "wave-1"} <= set(beta.tags)
    assert "ho_so, qua_trinh" in alpha.doc_md
    assert (alpha.is_paused_upon_creation, beta.is_paused_upon_creation) == (False, True)
    assert {alpha.get_task(name).pool for name in ("plan", "load")} == {"server_alpha"}
    assert {alpha.get_task(name).pool for name in ("publish", "reconcile", "report")} == {"default_pool"}  # they leave the legacy server alone


def test_system_dag_order(bag) -> None:
    order = ["plan", "load", "publish", "reconcile", "report"]
    dag = bag.dags["migrate_alpha"]
    assert [dag.get_task(a).downstream_task_ids for a in order] == [{b} for b in order[1:]] + [set()]
    assert dag.get_task("publish").trigger_rule == "none_failed"  # a run with nothing left to load goes on


def test_broken_mapping_keeps_its_dag_and_says_why(bag) -> None:
    assert "flow sequence" in bag.dags["migrate_broken"].doc_md


def test_params_are_checked(bag) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    params = bag.dags["migrate"].params
    params["mode"] = "bulk"
    params["systems"] = ["alpha"]
    for name, wrong in (("mode", "faster"), ("systems", ["gamma"]), ("as_of", "01/07/2025"), ("accept_volume", ["gamma"])):
        with pytest.raises(ParamValidationError):
            params[name] = wrong
    one = bag.dags["migrate_alpha"].params
    assert set(one) == {"mode", "as_of", "accept_volume"}
    assert (one["accept_volume"], params["accept_volume"]) == (False, [])  # whoever does not say so accepts nothing
    with pytest.raises(ParamValidationError):
        one["accept_volume"] = "yes"


def test_only_unavailable_servers_are_retried(bag) -> None:
    from airflow.sdk import RetryAction

    from hopnhat.model import errors

    retried = {errors.SourceUnavailableError, errors.TargetUnavailableError}
    for dag in bag.dags.values():
        for task in dag.tasks:
            policy = task.retry_policy
            for kind in errors.HopNhatError.__subclasses__():
                action = policy.evaluate(kind("x"), 1, task.retries).action
                assert action is (RetryAction.RETRY if kind in retried else RetryAction.FAIL), (dag.dag_id, task.task_id, kind)
            assert policy.evaluate(ValueError("x"), 1, task.retries).action is RetryAction.FAIL
            assert task.retries >= 2


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_is_thin(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 80
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any("task" in ast.unparse(decorator) for decorator in node.decorator_list):
            statements = [part for part in node.body if not isinstance(part, ast.ImportFrom)]
            assert len(statements) <= 4, node.name


@pytest.mark.parametrize(
    "path",
    [*FILES, *(REPOSITORY / "dags" / name for name in ("binding.py", "forms.py")), REPOSITORY / "mappings" / "index.py"],
    ids=lambda path: path.name,
)
def test_nothing_heavy_is_imported(path: Path) -> None:
    """In a fresh process with a stand-in for Airflow, so that only our own imports count."""
    code = f"""
import sys
from unittest.mock import MagicMock
for name in ("airflow", "airflow.sdk", "airflow.sdk.exceptions", "airflow.providers.standard.operators.trigger_dagrun"):
    sys.modules[name] = MagicMock()
sys.modules["airflow.sdk"].get_parsing_context().dag_id = None
import runpy
runpy.run_path({str(path)!r})
print(*[name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_a_task_builds_its_own_dag_only(mapped: Path) -> None:
    """A worker runs one task of one system: the other hundreds are not built for it."""
    code = (
        "import runpy\n"
        f"made = runpy.run_path({str(REPOSITORY / 'dags' / 'migrate_systems.py')!r})\n"
        "print(*sorted(name for name in made if name.startswith('migrate_')))"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "HOPNHAT_MAPPINGS": str(mapped),
        "_AIRFLOW_PARSING_CONTEXT_DAG_ID": "migrate_beta",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split()[-1:] == ["migrate_beta"], done.stderr
    assert done.stdout.split().count("migrate_alpha") == 0


class TestConnections:
    @pytest.mark.parametrize(
        "url",
        [
            "mysql+pymysql://reader:p%40ss%2Fw%3Ard@10.0.0.7:3306/mot_cua?charset=utf8mb4",
            "mssql+pymssql://sa:x@host/db",
            "oracle+oracledb://u:p@h:1521/?service_name=XE",
            "sqlite:////srv/mẫu/hồ sơ.db",
            "file:///srv/so.xlsx",
            "mysql+pymysql://root@/opencps?unix_socket=%2Frun%2Fm.sock",
        ],
    )
    def test_url_survives_the_connection(self, bag, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        from airflow.sdk import Connection

        from dags import binding
        from hopnhat.orchestrate.rest import connection_fields

        fields = connection_fields(url)
        assert "p@ss" not in str({key: value for key, value in fields.items() if key != "password"})
        monkeypatch.setattr(binding.Connection, "get", lambda name: Connection(conn_id=name, **fields))
        assert binding.legacy_url("legacy_x") == url

    def test_environment_is_the_fallback(self, bag, monkeypatch: pytest.MonkeyPatch) -> None:
        from airflow.sdk.exceptions import AirflowNotFoundException

        from dags import binding
        from hopnhat.model.errors import MappingError

        def absent(name: str) -> None:
            raise AirflowNotFoundException(name)

        monkeypatch.setattr(binding.Connection, "get", absent)
        with pytest.raises(MappingError, match="HOPNHAT_CONN_LEGACY_X"):
            binding.legacy_url("legacy_x")
        monkeypatch.setenv("HOPNHAT_CONN_LEGACY_X", "sqlite:///x.db")
        assert binding.legacy_url("legacy_x") == "sqlite:///x.db"


class TestBlackoutHours:
    @pytest.fixture
    def closed_until(self, bag, monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime | None], None]:
        from dags import binding
        from hopnhat.orchestrate import hours

        monkeypatch.setattr(binding, "legacy_url", lambda connection: f"sqlite:///{connection}")
        return lambda moment: monkeypatch.setattr(hours, "opening", lambda system: {"alpha": moment}[system])

    def test_task_is_put_off_until_the_server_may_be_read(self, closed_until, caplog: pytest.LogCaptureFixture) -> None:
        from airflow.sdk.exceptions import AirflowRescheduleException

        from dags.binding import legacy
        from hopnhat.model.errors import SourceUnavailableError

        moment = datetime(2026, 1, 5, 17, tzinfo=timezone(timedelta(hours=7)))
        closed_until(moment)
        caplog.set_level("INFO")
        with pytest.raises(AirflowRescheduleException) as put_off, legacy("alpha", "c") as url:
            raise SourceUnavailableError(f"{url} is closed")
        assert "sqlite:///c is closed" in caplog.text
        assert put_off.value.reschedule_date == moment
        assert "2026-01-05 17:00 +0700" in caplog.text

    def test_other_errors_stay_what_they_are(self, closed_until) -> None:
        from dags.binding import legacy
        from hopnhat.model.errors import MappingError, SourceUnavailableError

        closed_until(None)  # the server is down, but nobody closed it
        with pytest.raises(SourceUnavailableError), legacy("alpha", "c"):
            raise SourceUnavailableError("no answer")
        closed_until(datetime(2026, 1, 5, 17, tzinfo=timezone(timedelta(hours=7))))
        with pytest.raises(MappingError), legacy("alpha", "c"):
            raise MappingError("wrong")


def test_run_id_is_fit_for_file_names(bag) -> None:
    from dags.binding import migration_run

    assert migration_run({"run_id": "manual__2026-11-22T04:45:15.1+00:00"}) == "manual__2026-11-22T04-45-15.1-00-00"
