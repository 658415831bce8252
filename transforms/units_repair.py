"""Resolve values that may be damaged: what does not read as Vietnamese is tried in every legacy encoding."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mappings.units.registry import Registry
from transforms.units_answer import Answer, Carries
from transforms.units_answers import Scope, answers
from transforms.units_legacy import READINGS, reading
from transforms.units_query import Query

EXACT = frozenset({"code", "canonical", "alias", "unaccented", "type-free"})
NAMES = 4  # the first fields of a query are text, the others codes, a date and a point
ODD, PERHAPS = "odd", "perhaps"
_ESCAPED = re.compile(r"&#?\w+;|\\u[0-9a-fA-F]{4}|[ÃÂÆáÄ][\x80-\xbf\u2018-\u203a]")
_FOREIGN = re.compile(
    "[\u00a1-\u00bf\u00c4-\u00c7\u00cb\u00ce\u00cf\u00d1\u00d6-\u00d8\u00db\u00dc\u00de\u00df\u00e4-\u00e7\u00eb\u00ee\u00ef\u00f1\u00f6-\u00f8\u00fb\u00fc\u00fe\u00ff]"
)


def resolve_repaired(queries: list[Query], units: Registry, scope: Scope, carries: Carries) -> list[Answer]:
    """Resolve; a reading in a legacy encoding is taken when it then resolves on an exact rung. Readings that lead to
    different units leave the row as it was."""
    found = answers(queries, units, scope=scope, carries=carries)
    signs = (_legacy_signs(query[:NAMES]) for query in queries)
    doubtful = [at for at, sign in enumerate(signs) if sign and (sign == ODD or not _is_exact(found[at]))]
    repaired = [(at, query) for at in doubtful for query in dict.fromkeys(_readings(queries[at]))]
    read: dict[int, list[Answer]] = {}
    for (at, _), answer in zip(repaired, answers((query for _, query in repaired), units, scope=scope, carries=carries), strict=True):
        if _is_exact(answer):
            read.setdefault(at, []).append(answer)
    for at, reads in read.items():
        if len({(answer.new_code, answer.candidates) for answer in reads}) == 1:
            found[at] = reads[0]
    return found


def _is_exact(found: Answer) -> bool:
    return found.rule.split("+")[0] in EXACT


def _legacy_signs(texts: Iterable[str]) -> str:
    """ODD = letters that no Vietnamese text has; PERHAPS = anything beyond ASCII, or an escape; '' = neither."""
    found = ""
    for text in texts:
        if not text.isascii():
            if _FOREIGN.search(text):
                return ODD
            found = PERHAPS
        elif not found and ("&" in text or "\\" in text):
            found = PERHAPS if _ESCAPED.search(text) else ""
    return found


def _readings(damaged: Query) -> Iterable[Query]:
    """The query as it reads in each encoding in which it reads otherwise, and as Vietnamese."""
    before = damaged[:NAMES]
    for encoding in READINGS:
        after = [reading(text, encoding) if text else text for text in before]
        kept = tuple(text for text in after if text is not None)
        if len(kept) == NAMES and kept != before and _legacy_signs(kept) != ODD:
            yield damaged._replace(**dict(zip(Query._fields, kept, strict=False)))
