"""What a result was made with: mapping, registry, code. Same source rows and same version give the same result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import cache

from hopnhat.settings import REPOSITORY
from mappings.read import checksum
from mappings.spec import System
from transforms.fingerprints import text_fingerprint

_DECIDES = ("transforms/*.py", "validators/*.py", "mappings/*.py", "mappings/domains/*.yml", "mappings/codelists/*.csv", "mappings/encodings/*.csv")


@dataclass(frozen=True)
class Version:
    version_id: int
    mapping_sha: str
    registry_version: str
    code_version: str
    until: date


def version_of(system: System, registry_version: str, until: date) -> Version:
    mapping = checksum(system)
    text = "\n".join((system.id, mapping, registry_version, code_version()))
    return Version(text_fingerprint(text), mapping, registry_version, code_version(), until)


def drift_version(version_id: int, drift: str) -> int:
    """The version under which rows wait for a change of columns: never taken for the result of an undisturbed reading."""
    return text_fingerprint(f"{version_id} {drift}") if drift else version_id


@cache
def code_version() -> str:
    """Digest of the files that decide values; a change of screens or docs leaves it alone."""
    digest = hashlib.sha256()
    for pattern in _DECIDES:
        for path in sorted(REPOSITORY.glob(pattern)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
