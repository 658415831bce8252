"""The command line. Exit codes: 0 done · 2 mapping or connection wrong · 3 source changed · 4 rows do not balance ·
5 source or target unavailable (try again) · 6 landing zone · 7 run state · 1 anything else."""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from hopnhat.model.errors import HopNhatError, MappingError
from hopnhat.settings import legacy_url, settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Hợp Nhất: move legacy data into the unified database.")
landing_app = typer.Typer(no_args_is_help=True, help="The landing zone: list, verify, purge.")
app.add_typer(landing_app, name="landing")


@app.command()
def migrate(
    system: Annotated[str, typer.Argument(help="id of the legacy system, see `systems`")],
    mode: Annotated[str, typer.Option(help="rehearsal: everything but publishing · bulk: whole sources · delta: what changed")] = "bulk",
    as_of: Annotated[str | None, typer.Option(help="date whose units apply, default today")] = None,
    run_id: Annotated[str | None, typer.Option(help="run to start or take up; default: the unfinished one, else a new one")] = None,
    url: Annotated[str | None, typer.Option(help="URL of the legacy system; default from its connection")] = None,
    workers: Annotated[int | None, typer.Option(help="processes", min=1)] = None,
    reports: Annotated[bool, typer.Option(help="write the mismatch and reconciliation reports")] = True,
    accept_volume: Annotated[bool, typer.Option("--accept-volume", help="this run may have far fewer or far more rows than the last")] = False,
) -> None:
    """Migrate one legacy system, end to end. An interrupted run goes on where it stopped."""
    from hopnhat.migrate import migrate_system

    if mode not in ("rehearsal", "bulk", "delta"):
        raise MappingError(f"no mode {mode!r}", hint="rehearsal, bulk or delta")
    day = _day(as_of)
    fresh = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{system}"
    summary = migrate_system(
        system, mode=mode, as_of=day, run_id=run_id, fresh_run_id=fresh, url=url or legacy_url(system, _connection(system)),
        workers=workers or settings().workers, reports=reports, say=_say, accept_volume=accept_volume,
    )  # fmt: skip
    typer.echo(json.dumps(summary, ensure_ascii=False, indent=1))


@app.command()
def systems() -> None:
    """List the legacy systems that have a mapping."""
    from mappings.read import load_system, system_ids

    for system_id in system_ids(settings().mappings):
        system = load_system(system_id, settings().mappings)
        typer.echo(f"{system.id:30} {system.technology:8} {system.title}")


@app.command()
def check_mappings(schema: Annotated[Path | None, typer.Option(help="write the JSON Schema for editors to this file")] = None) -> None:
    """Read every mapping file; say file and line of what is wrong."""
    from mappings.read import load_system, system_ids
    from mappings.spec import System

    if schema:
        schema.write_text(json.dumps(System.model_json_schema(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    wrong = 0
    for system_id in system_ids(settings().mappings):
        try:
            tables = load_system(system_id, settings().mappings).tables
            typer.echo(f"ok    {system_id}  ({len(tables)} tables)")
        except MappingError as exc:
            wrong += 1
            typer.echo(f"wrong {exc}", err=True)
    if wrong:
        raise typer.Exit(MappingError.exit_code)


@app.command()
def resolve(
    source: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    target: Path,
    carries: Annotated[Literal["people", "area", "both"], typer.Option(help="whose place it is: people · area (land) · both, when the file does not say")] = "both",
    era: Annotated[Literal["old", "new", ""], typer.Option(help="units that the file speaks; default: each row says it")] = "",
) -> None:
    """Resolve a CSV of units and addresses: one explained row per input row."""
    from hopnhat.lookup import resolve_file

    resolve_file(source, target, carries=carries, era=era)


@app.command()
def lookup(text: str) -> None:
    """Look a unit or an address up, old to new and new to old."""
    from hopnhat.lookup import lookup as look

    typer.echo(look(text))


@app.command()
def assess(
    system: Annotated[str | None, typer.Argument(help="id of the legacy system; a new one needs --url")] = None,
    file: Annotated[Path | None, typer.Option(help="assess this one unknown file instead")] = None,
    out: Annotated[Path | None, typer.Option(help="folder for the reports and the draft mapping")] = None,
    url: Annotated[str | None, typer.Option(help="URL of the legacy system; default from its connection")] = None,
    technology: Annotated[str | None, typer.Option(help="of a system without a mapping; default by the URL")] = None,
    max_rows: Annotated[int | None, typer.Option(help="stop counting a table after about so many rows", min=1)] = None,
) -> None:
    """Assess before migrating. Exit codes: 0 GO · 1 FIX FIRST · 2 BLOCKED · 3 cannot be read."""
    from hopnhat.assess.command import run_command

    try:
        code = run_command(system, file, out, url, technology, max_rows, typer.echo, _say)
    except HopNhatError:
        raise
    except Exception as exc:  # noqa: BLE001  1 and 2 are verdicts here: an unexpected error must not look like one
        typer.echo(f"KHÔNG ĐỌC ĐƯỢC  lỗi ngoài dự kiến {type(exc).__name__}; chi tiết không kèm dữ liệu: {_note_crash(exc)}")
        code = 3
    raise typer.Exit(code)


_Runs = Annotated[int, typer.Option("--keep-runs", min=1, help="finished runs of each system whose parts stay")]


@landing_app.command("list")
def landing_list(keep_runs: _Runs = 3) -> None:
    """What each source has in the landing zone, and how much of it no kept run needs."""
    from hopnhat.pipeline import database_url
    from hopnhat.retention import show

    show(database_url(), settings().landing_root(), keep_runs, typer.echo)


@landing_app.command("verify")
def landing_verify(keep_runs: _Runs = 3) -> None:
    """Hash every part that must stay again. Exit code 6 when one is altered or gone."""
    from hopnhat.pipeline import database_url
    from hopnhat.retention import prove

    prove(database_url(), settings().landing_root(), keep_runs, typer.echo)


@landing_app.command("purge")
def landing_purge(keep_runs: _Runs = 3, dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would go")] = False) -> None:
    """Remove the parts that no kept run names, after proving that what stays is sound."""
    from hopnhat.pipeline import database_url
    from hopnhat.retention import purge

    purge(database_url(), settings().landing_root(), keep_runs, typer.echo, dry_run=dry_run)


@app.command()
def demo(rows: Annotated[int, typer.Option(min=1_000, help="dossiers in the largest sample system")] = 10_000) -> None:
    """Sample systems → unified database through Airflow, with reports and a summary."""
    from hopnhat.demo import demo as run

    raise typer.Exit(run(rows, _say))


@app.command()
def up() -> None:
    """Serve the Airflow screens in the background."""
    from hopnhat.demo import serve

    serve(_say)


@app.command()
def down() -> None:
    """End what runs; the data stay."""
    from hopnhat.demo import stop

    stop(_say)


@app.command()
def clean() -> None:
    """End what runs and remove what lies outside the project folder."""
    from hopnhat.demo import clean as remove

    remove(_say)


def _day(as_of: str | None) -> str:
    try:
        return (date.fromisoformat(as_of) if as_of else datetime.now(UTC).date()).isoformat()
    except ValueError as exc:
        raise MappingError(f"no day {as_of!r}", hint="write --as-of as yyyy-mm-dd") from exc


def _connection(system: str) -> str:
    from mappings.read import load_system

    return load_system(system, settings().mappings).connection


def _say(line: str, counts: Mapping[str, int] | None = None) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  progress for a person; the result goes to standard output


def main() -> None:
    """Run a command; an error meant for the user is one line and an exit code, never a traceback."""
    try:
        app()
    except HopNhatError as exc:
        print(f"error: {exc}", file=sys.stderr)  # noqa: T201
        sys.exit(exc.exit_code)
    except Exception as exc:  # noqa: BLE001  the outermost place: a user gets a line and a file, never a traceback
        print(f"error: unexpected {type(exc).__name__}; where it happened: {_note_crash(exc)}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


_PLACE = re.compile(r'^  File "([^"\n]+\.py)", line (\d+), in (\S+)$', re.MULTILINE)


def _note_crash(exc: BaseException) -> str:
    """Keep where it happened, without the values: an exception's text may hold a citizen's data."""
    frames: list[str] = []
    cause: BaseException | None = exc
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:  # chains may bite their own tail
        seen.add(id(cause))
        frames.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        frames += [f"  {f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(cause.__traceback__)]
        if type(cause).__name__ == "_RemoteTraceback":  # what a child process says of itself comes as text
            frames += [f"  {file}:{line} {name}" for file, line, name in _PLACE.findall(str(cause))]
        cause = cause.__cause__ or cause.__context__
    folder = settings().home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}.txt"
    file.write_text("\n".join(frames) + "\n", encoding="utf-8")
    return str(file)
