"""What was read of the landing zone while the run was still at work proves the same as reading it afterwards; what cannot
be used is read again, never trusted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hopnhat import ahead as ahead_module
from hopnhat.ahead import Ahead
from hopnhat.settings import settings
from hopnhat.verify.reconcile import catch_up, reconcile, side_ahead
from hopnhat.verify.side import LandedSide
from hopnhat.verify.target import run_facts
from tests.integration.test_reconcile import SYSTEM, Rig, failing, finished_run
from validators.reconciliation import SOURCE_LANDING, Verdict


@pytest.fixture
def finished(furnished: str, tmp_path: Path) -> Iterator[Rig]:
    with finished_run(furnished, tmp_path / "landing") as run:
        yield run


def unread(rig: Rig) -> LandedSide:
    return side_ahead(rig.conn, SYSTEM, rig.run_id, str(rig.landing))


def proved(rig: Rig, side: LandedSide | None) -> Verdict:
    return reconcile(rig.conn, SYSTEM, rig.run_id, str(rig.landing), {"alpha.hoso": 60}, ahead=side)


def replace_part(rig: Rig, number: int) -> None:
    """As if the run had landed this part anew: the ledger names another file."""
    rig.run(f"update ledger.batch set part_sha = repeat('0', 64) where part_number = {number}")


def test_a_side_read_part_by_part_and_out_of_order_proves_the_same(finished: Rig) -> None:
    parts = run_facts(finished.conn, finished.run_id, "alpha", "alpha.hoso").parts
    side = unread(finished)
    side.read(parts[1:])
    catch_up(finished.conn, "alpha", finished.run_id, side)
    assert side.parts == parts
    assert proved(finished, side) == finished.check()


def test_parts_staged_later_are_read_by_the_proof(finished: Rig) -> None:
    side = unread(finished)
    side.read(run_facts(finished.conn, finished.run_id, "alpha", "alpha.hoso").parts[:1])
    assert proved(finished, side).digest == finished.check().digest


def test_a_part_found_altered_fails_the_proof(finished: Rig) -> None:
    part = next(finished.landing.rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    side = unread(finished)
    catch_up(finished.conn, "alpha", finished.run_id, side)
    assert (SOURCE_LANDING, "part-sha256") in failing(proved(finished, side))


def test_parts_that_the_run_does_not_name_are_not_used(finished: Rig) -> None:
    side = unread(finished)
    catch_up(finished.conn, "alpha", finished.run_id, side)
    replace_part(finished, 0)
    assert (SOURCE_LANDING, "part-sha256") in failing(proved(finished, side))


@pytest.fixture
def reachable(finished: Rig, furnished: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """The same run for code that opens the database and the landing zone for itself."""
    monkeypatch.setenv("HOPNHAT_DATABASE_URL", furnished)
    monkeypatch.setenv("HOPNHAT_LANDING", str(finished.landing))
    monkeypatch.setattr(ahead_module, "load_system", lambda *_: SYSTEM)
    settings.cache_clear()
    yield finished
    settings.cache_clear()


def test_it_reads_in_a_thread_each_time_it_is_told(reachable: Rig) -> None:
    with Ahead("alpha", reachable.run_id) as ahead:
        assert ahead.side() is None
        ahead.go_on()
        ahead.go_on()
        side = ahead.side()
        assert side is not None
        assert [part.number for part in side.parts] == [0, 1]
        assert proved(reachable, side).outcome == "pass"


def test_what_went_wrong_there_is_left_to_the_proof(reachable: Rig) -> None:
    with Ahead("alpha", "no such run") as ahead:
        ahead.go_on()
        assert ahead.side() is None
    assert proved(reachable, None).outcome == "pass"


def test_nothing_is_left_open_when_the_proof_never_came(reachable: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Ahead("alpha", reachable.run_id) as ahead:
        ahead.go_on()
        assert ahead.side() is not None
        assert list(tmp_path.glob("hopnhat-verify-*"))
    assert not list(tmp_path.glob("hopnhat-verify-*"))
