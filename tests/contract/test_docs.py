"""The papers say what the code does: commands, exit codes, errors, targets, reasons, links, examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
import yaml

from hopnhat.cli import app
from hopnhat.model import errors
from hopnhat.report.reasons import reasons

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAPERS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("mappings/**/README.md")])
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.HopNhatError) and kind is not errors.HopNhatError]
TARGETS = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def paper_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_something_to_check() -> None:
    assert "migrate" in COMMANDS
    assert "demo" in TARGETS
    assert len(ERRORS) >= 7
    assert len(RUNBOOKS) >= 8


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert re.search(rf"`{command}\b", README), f"`{command}` is not in README.md"


@pytest.mark.parametrize("code", sorted({0, 1, *(kind.exit_code for kind in ERRORS)}))
def test_every_exit_code_is_explained(code: int) -> None:
    line = next(line for line in README.splitlines() if line.startswith("Exit codes"))
    end = README.index("\n\n", README.index(line))
    assert f"`{code}`" in README[README.index(line) : end]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_that_stops_a_run_has_its_code_in_the_runbook(kind: type[errors.HopNhatError]) -> None:
    resume = (ROOT / "docs" / "runbooks" / "resume-a-failed-run.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| {kind.exit_code} \|", resume, re.MULTILINE)


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_in_a_paper(target: str) -> None:
    assert any(f"make {target}" in paper.read_text(encoding="utf-8") for paper in PAPERS), f"`make {target}` is described nowhere"


@pytest.mark.parametrize("paper", PAPERS, ids=paper_id)
def test_links_lead_to_files(paper: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", paper.read_text(encoding="utf-8"))
    missing = [link for link in links if not re.match(r"[a-z]+:", link) and not (paper.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("paper", PAPERS, ids=paper_id)
def test_paths_that_are_named_exist(paper: Path) -> None:
    named = re.findall(r"`((?:docs|tests|hopnhat|transforms|validators|mappings|dags|scripts|sql)/[\w./-]+)`", paper.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("paper", PAPERS, ids=paper_id)
def test_commands_in_papers_are_commands_that_there_are(paper: Path) -> None:
    used = set(re.findall(r"python -m hopnhat ([a-z-]+)", paper.read_text(encoding="utf-8")))
    assert used <= set(COMMANDS)
    assert set(re.findall(r"`make ([a-z-]+)`", paper.read_text(encoding="utf-8"))) <= set(TARGETS)


@pytest.mark.parametrize("paper", PAPERS, ids=paper_id)
def test_yaml_examples_parse(paper: Path) -> None:
    for block in re.findall(r"^```ya?ml\n(.*?)^```", paper.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        assert yaml.safe_load(block) is not None


def test_the_example_of_a_mapping_is_a_mapping(tmp_path: Path) -> None:
    from mappings.read import load_system

    text = (ROOT / "docs" / "runbooks" / "add-a-system.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "ba_vi_motcua.yml").write_text(block, encoding="utf-8")
    assert load_system("ba_vi_motcua", tmp_path).tables[0].watermark == "SuaLuc"


def test_reasons_named_in_the_runbook_have_words() -> None:
    text = (ROOT / "docs" / "runbooks" / "review-mismatches.md").read_text(encoding="utf-8")
    table = "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    named = re.findall(r"`([a-z]+-[a-z-]+)`", table)
    assert len(named) > 8
    assert set(named) <= reasons().keys()


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=paper_id)
def test_a_runbook_fits_on_a_page(runbook: Path) -> None:
    assert len(runbook.read_text(encoding="utf-8").splitlines()) <= 80
