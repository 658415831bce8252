"""Synthetic applicants, a column at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.sample import vocabulary as words

Ints = npt.NDArray[np.int64]
Rng = np.random.Generator
CITIZEN, ENTERPRISE, ORGANISATION = 0, 1, 2
_MOBILE = ("032", "033", "035", "036", "038", "039", "070", "077", "081", "083", "090", "091", "094", "096", "097", "098")
_TAX_WEIGHTS = np.array([31, 29, 23, 19, 17, 13, 7, 5, 3])


def pick(rng: Rng, values: Any, n: int, weights: Any = None) -> pa.Array:
    """`n` values drawn from a short list, as strings."""
    chances = None if weights is None else np.asarray(weights, float) / np.sum(weights)
    return pa.array(list(values), pa.string()).take(pa.array(rng.choice(len(values), n, p=chances)))


def joined(*parts: Any, by: str = "") -> pa.Array:
    """Columns and constants put together row by row; a null part makes the row null."""
    return pc.binary_join_element_wise(*(pa.scalar(p) if isinstance(p, str) else p for p in parts), by)


def digits(values: Ints, width: int) -> pa.Array:
    return pc.utf8_lpad(pc.cast(pa.array(values), pa.string()), width, "0")


def choose(mask: npt.NDArray[np.bool_], yes: Any, no: Any) -> pa.Array:
    return pc.if_else(pa.array(mask), yes, no)


def kinds(rng: Rng, n: int) -> Ints:
    return rng.choice(3, n, p=[0.93, 0.06, 0.01])


def names(rng: Rng, kind: Ints) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Full names, and who is a woman (her number says so too)."""
    n = len(kind)
    female = rng.random(n) < 0.5
    surname = pick(rng, [s for s, _ in words.SURNAMES], n, [w for _, w in words.SURNAMES])
    middle = choose(female, pick(rng, words.MIDDLE_FEMALE, n), pick(rng, words.MIDDLE_MALE, n))
    given = choose(female, pick(rng, words.GIVEN_FEMALE, n), pick(rng, words.GIVEN_MALE, n))
    person = joined(surname, middle, given, by=" ")
    firm = joined(pick(rng, words.FIRM_KINDS, n), pick(rng, words.FIRM_WORDS, n), pick(rng, words.FIRM_NAMES, n), by=" ")
    return choose(kind == CITIZEN, person, firm), female


def id_numbers(rng: Rng, kind: Ints, female: npt.NDArray[np.bool_], province_code: pa.Array) -> pa.Array:
    """CCCD (province, sex and century, year, six digits) or 9-digit CMND for citizens, a tax number with its check digit else."""
    n = len(kind)
    year = rng.integers(1945, 2008, n)
    sex = np.where(year < 2000, 0, 2) + female
    card = joined("0", province_code, digits(sex, 1), digits(year % 100, 2), digits(rng.integers(1, 10**6, n), 6))
    old_card = digits(rng.integers(10_000_000, 380_000_000, n), 9)
    citizen = choose(rng.random(n) < 0.92, card, old_card)
    return choose(kind == CITIZEN, citizen, _tax_numbers(rng, n))


def _tax_numbers(rng: Rng, n: int) -> pa.Array:
    body = rng.integers(1_000_000, 109_999_999, n)
    check = 10 - (np.stack([body // 10 ** (8 - i) % 10 for i in range(9)]) * _TAX_WEIGHTS[:, None]).sum(0) % 11
    # A remainder of 0 would need the two-digit check 10, which is never issued: take the next number that has one.
    body = np.where(check == 10, body + 1, body)
    check = 10 - (np.stack([body // 10 ** (8 - i) % 10 for i in range(9)]) * _TAX_WEIGHTS[:, None]).sum(0) % 11
    return joined(digits(body, 9), digits(check % 10, 1))


def phones(rng: Rng, n: int) -> pa.Array:
    return joined(pick(rng, _MOBILE, n), digits(rng.integers(1_000_000, 9_999_999, n), 7))


def emails(rng: Rng, n: int) -> pa.Array:
    """A third of the applicants gave one; `.example` is reserved and reaches nobody."""
    address = joined("cd", digits(rng.integers(0, 10**8, n), 8), "@hop.example")
    return choose(rng.random(n) < 0.33, address, pa.scalar(None, pa.string()))


def houses(rng: Rng, n: int) -> pa.Array:
    """House, street or hamlet: the part of an address below the commune."""
    number = pc.cast(pa.array(rng.integers(1, 400, n)), pa.string())
    small = pc.cast(pa.array(rng.integers(1, 25, n)), pa.string())
    street = joined("Số ", number, " ", pick(rng, words.STREETS, n))
    hamlet = joined(pick(rng, words.HAMLETS, n), " ", small)
    return choose(rng.random(n) < 0.5, street, hamlet)
