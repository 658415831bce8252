"""Which values of a column are in another encoding than the rest: a likelihood of every value under every candidate.

A reading is likely when its words are Vietnamese syllables, common ones (in names and office text, and in the column
itself) above all. The evidence for a second encoding is the ratio of two likelihoods of the whole column: a part of
the values written in it, against none. One odd value in a column is weak evidence, a typing error or a foreign name
may look like that; two or three are strong, because they must all read as common words by accident.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mappings.byte_tables import syllable_counts
from transforms.encodings_readings import Texts, is_sound, tokens
from transforms.syllables import WORD

ENOUGH_EVIDENCE = 2.5
_RARE = 0.3 / 6_000  # any of about 6,000 accented syllables
_KNOWN, _OWN = 0.33, 0.33  # weight of the general count, and of the column's own words
_NO_SYLLABLE, _SIGN_INSIDE, _LONE_SIGN = -13.0, -3.0, -9.0  # log-probabilities; the scale was set on generated columns
_UNREADABLE = -6.0
_LARGEST = 60.0

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """Words of the column as its main encoding reads them."""

    own: Mapping[str, int]
    total: int
    known: Mapping[str, int]
    known_total: int

    def word(self, token: str) -> float:
        """Log-probability of one token."""
        if is_token_sound(token):
            word = token.lower()
            return math.log(_RARE + _KNOWN * self.known.get(word, 0) / self.known_total + _OWN * self.own.get(word, 0) / self.total)
        if len(token) == 1 and not token.isalpha():
            return _LONE_SIGN
        return _NO_SYLLABLE + (0.0 if WORD.fullmatch(token) else _SIGN_INSIDE)


def is_token_sound(token: str) -> bool:
    return bool(WORD.fullmatch(token)) and is_sound(token)


def has_doubtful_word(text: str | None) -> bool:
    return text is None or not all(map(is_token_sound, tokens(text)))


def second_encodings(main: str, readings: Mapping[str, Texts], rivals: Sequence[str], n: int) -> list[tuple[str, int]]:
    """Encodings that some values are in although the column is in `main`, with the number of such values.

    `readings` may hold only a part of the `n` values, if the others read well in `main`.
    """
    texts = readings[main]
    split = [None if text is None else tokens(text) for text in texts]
    model = _model(split)
    own = [None if part is None else sum(map(model.word, part)) for part in split]
    leads = {name: _leads(texts, split, own, readings[name], model) for name in rivals}
    found = {name: lead for name, lead in leads.items() if _evidence(_counted(lead, split), n) > ENOUGH_EVIDENCE}
    if not found:
        return []
    best = np.argmax(np.stack(list(found.values())), axis=0)
    places = {name: np.flatnonzero((best == number) & (found[name] > 0)) for number, name in enumerate(found)}
    sure = {name: len(where) for name, where in places.items() if _evidence(_counted(found[name], split, where), n) > ENOUGH_EVIDENCE}
    if not sure:  # several encodings explain the same values: the one that does so best
        name = max(found, key=lambda name: _evidence(_counted(found[name], split), n))
        sure = {name: int((found[name] > 0).sum())}
    return sorted(sure.items(), key=lambda pair: -pair[1])


def leads_elsewhere(
    texts: Sequence[str], usual: Sequence[str], elsewhere: Callable[[npt.NDArray[np.intp]], Sequence[Texts]]
) -> tuple[npt.NDArray[np.intp], Numbers]:
    """Places of values with a doubtful word, and by how much their likeliest other reading leads (0 = by nothing).

    `usual`: texts that tell the column's words. Another reading counts when two thirds of its words are sound. `elsewhere` gives
    the other readings of the values at some places.
    """
    model = _model([tokens(text) for text in usual])
    places = np.array([place for place, text in enumerate(texts) if has_doubtful_word(text)], dtype=np.intp)
    best = np.zeros(len(places))
    own = [sum(map(model.word, tokens(texts[place]))) for place in places]
    for reading in elsewhere(places) if len(places) else ():
        for number, text in enumerate(reading):
            if text is not None and text != texts[places[number]]:
                read = tokens(text)
                if read and 3 * sum(map(is_token_sound, read)) >= 2 * len(read):
                    best[number] = max(best[number], sum(map(model.word, read)) - own[number])
    return places, best


def _model(split: Sequence[Sequence[str] | None]) -> Model:
    own = Counter(token.lower() for part in split if part for token in part if is_token_sound(token))
    known = syllable_counts()
    return Model(own, sum(own.values()) + 1, known, sum(known.values()))


def _leads(texts: Texts, split: Sequence[list[str] | None], own: Sequence[float | None], other: Texts, model: Model) -> Numbers:
    """Log-likelihood of each value in another encoding, less that in the main one; 0 where there is nothing to compare."""
    leads = np.zeros(len(texts))
    for place, text in enumerate(other):
        if text is None or text == texts[place]:
            continue
        read = tokens(text)
        here = own[place]
        if here is None:
            here = len(read) * (_NO_SYLLABLE + _SIGN_INSIDE) + _UNREADABLE
        leads[place] = sum(map(model.word, read)) - here if read else 0.0
    return leads


def _counted(leads: Numbers, split: Sequence[list[str] | None], where: npt.NDArray[np.intp] | None = None) -> Numbers:
    """Leads above 0; values with the same doubtful words count once: a name that is no syllable may occur in many."""
    seen: set[frozenset[str]] = set()
    kept = []
    for place in map(int, np.flatnonzero(leads > 0) if where is None else where):
        part = split[place]
        doubtful = None if part is None else frozenset(token for token in part if not is_token_sound(token))
        if doubtful is not None and (not doubtful or doubtful in seen):
            continue
        seen |= set() if doubtful is None else {doubtful}
        kept.append(leads[place])
    return np.minimum(np.array(kept, dtype=np.float64), _LARGEST)


def _evidence(leads: Numbers, n: int) -> float:
    """Log-likelihood ratio of "some share of `n` values is in the other encoding" to "none is", at its best share."""
    if not len(leads):
        return -math.inf
    share = np.arange(1, n)[:, None] / n if n > 1 else np.array([[0.5]])
    gain: Numbers = np.log(1 - share + share * np.exp(leads)).sum(axis=1) + (n - len(leads)) * np.log(1 - share[:, 0])
    return float(gain.max())
