"""CPU-seconds per million values of the column functions, and detection on a thousand labelled columns.

`python -m tests.bench.bench_text [--rows N] [--columns N] [--seed N]`; prints JSON. Process time of one thread, best of three.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import unicodedata
from collections.abc import Callable

import pyarrow as pa

from tests.support.words import FAMILY, GIVEN, MIDDLE, PLACES, misread
from transforms.codes import recode
from transforms.dates import parse_timestamps
from transforms.encodings import ENCODINGS, detect, encode_text
from transforms.identifiers import dossier_numbers, personal_ids, phones, procedure_codes
from transforms.numbers import amounts
from transforms.text import clean, decode

STREETS = (
    "Lê Lợi",
    "Trần Hưng Đạo",
    "Nguyễn Trãi",
    "Hai Bà Trưng",
    "Điện Biên Phủ",
    "Cách Mạng Tháng Tám",
    "Phạm Văn Đồng",
    "Lý Thường Kiệt",
)
KINDS = ("utf-8", "nfd", "mojibake", "mojibake-twice", *ENCODINGS)
LABELS = {"nfd": "utf-8", "mojibake-twice": "mojibake"}


def names(chance: random.Random, count: int) -> list[str]:
    return [f"{chance.choice(FAMILY)} {chance.choice(MIDDLE)} {chance.choice(MIDDLE + GIVEN)} {chance.choice(GIVEN)}" for _ in range(count)]


def addresses(chance: random.Random, count: int) -> list[str]:
    return [
        f"Số {chance.randint(1, 999)}/{chance.randint(1, 99)} đường {chance.choice(STREETS)}, tổ {chance.randint(1, 90)}, {chance.choice(PLACES)}"
        for _ in range(count)
    ]


def short_addresses(chance: random.Random, count: int) -> list[str]:
    """40 to 60 bytes in a legacy encoding, every value different from nearly all others."""
    return [
        f"{chance.randint(1, 999)}/{chance.randint(1, 99)} {chance.choice(STREETS)}, {chance.choice(PLACES).rsplit(',', 1)[0]}"
        for _ in range(count)
    ]


def land(texts: list[str], kind: str, transport: str) -> list[bytes]:
    """The texts as a legacy system of that kind would hand them over."""
    if kind in ("utf-8", "nfd"):
        return [unicodedata.normalize("NFD" if kind == "nfd" else "NFC", text).encode() for text in texts]
    if kind.startswith("mojibake"):
        once = [misread(text.encode()) for text in texts]
        return [(misread(text.encode()) if kind == "mojibake-twice" else text).encode() for text in once]
    raw: list[bytes] = encode_text(pa.array(texts), kind).data.to_pylist()
    return raw if transport == "bytes" else [misread(data).encode() for data in raw]


def detection(columns: int, seed: int) -> dict[str, object]:
    """Every fourth column is mixed, its smaller part from 3 to 50 % and at least three values."""
    chance = random.Random(seed)
    counts = {"single": 0, "single_right": 0, "mixed": 0, "mixed_right": 0, "clean_doubted": 0}
    wrong = []
    for number in range(columns):
        transport, size = chance.choice(["bytes", "text"]), chance.choice([55, 100, 300])
        make = chance.choice([names, addresses, lambda c, n: [text.upper() for text in names(c, n)]])
        kinds = chance.sample(KINDS, 2) if number % 4 == 0 else [chance.choice(KINDS)]
        wanted = {LABELS.get(kind, kind) for kind in kinds}
        smaller = max(3, int(size * chance.choice([0.03, 0.05, 0.1, 0.2, 0.5]))) if len(kinds) == 2 else 0
        landed = land(make(chance, size - smaller), kinds[0], transport) + (
            land(make(chance, smaller), kinds[1], transport) if smaller else []
        )
        verdict = detect(pa.array(landed, pa.binary()), transport=transport)
        group = "mixed" if len(wanted) > 1 else "single"
        right = verdict.mixed if group == "mixed" else verdict.encoding in wanted and not verdict.mixed
        counts[group] += 1
        counts[f"{group}_right"] += right
        counts["clean_doubted"] += wanted == {"utf-8"} and not right
        wrong += [] if right else [(kinds, transport, size, verdict.encoding)]
    return {**counts, "wrong": wrong}


def seconds(work: Callable[[], object], rows: int) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return round(best * 1_000_000 / rows, 3)


def costs(rows: int) -> dict[str, float]:
    chance = random.Random(2)
    people, places, short = pa.array(names(chance, rows)), pa.array(addresses(chance, rows)), pa.array(short_addresses(chance, rows))
    dirty = pa.array(
        [f" {text}  " if i % 50 == 0 else text.replace(" ", "\u00a0") if i % 50 == 1 else text for i, text in enumerate(places.to_pylist())]
    )
    times = [
        f"{chance.randint(1, 28):02}/{chance.randint(1, 12):02}/{chance.randint(2010, 2025)} {chance.randint(0, 23):02}:{chance.randint(0, 59):02}:{chance.randint(0, 59):02}"
        for _ in range(rows)
    ]
    ids = [f"001{chance.randint(0, 3)}{chance.randint(0, 99):02}{chance.randint(0, 999_999):06}" for _ in range(rows)]
    numbers = [
        f"H{chance.randint(10, 60)}.{chance.randint(1, 99):02}-{chance.randint(20, 25)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}-{chance.randint(1, 9999):04}"
        for _ in range(rows)
    ]
    small = {
        "timestamps": (parse_timestamps, times, {"formats": ["dd/mm/yyyy hh:mm:ss"]}), "personal_ids": (personal_ids, ids, {}),
        "phones": (phones, [f"09{chance.randint(0, 99_999_999):08}" for _ in range(rows)], {}), "dossier_numbers": (dossier_numbers, numbers, {}),
        "procedure_codes": (procedure_codes, [f"1.{chance.randint(0, 3000):06}.000.00.00.H38" for _ in range(rows)], {}),
        "amounts": (amounts, [str(chance.randint(0, 10**7)) for _ in range(rows)], {}),
        "recode": (recode, [str(chance.randint(1, 12)) for _ in range(rows)], {"mapping": {str(i): f"s{i}" for i in range(1, 13)}}),
    }  # fmt: skip
    found = {
        "clean names": seconds(lambda: clean(people), rows), "clean addresses": seconds(lambda: clean(places), rows),
        "clean addresses, 4 % dirty": seconds(lambda: clean(dirty), rows),
    }  # fmt: skip
    for label, column in (("names", people), ("addresses", short), ("long addresses", places)):
        for encoding in ("utf-8", *ENCODINGS):
            raw = column.cast(pa.binary()) if encoding == "utf-8" else encode_text(column, encoding).data
            found[f"decode {encoding} {label}"] = seconds(
                lambda raw=raw, encoding=encoding: decode(raw, transport="bytes", encoding=encoding), rows
            )  # type: ignore[misc]
    for label, (convert, values, options) in small.items():
        column = pa.array(values)
        found[label] = seconds(lambda convert=convert, column=column, options=options: convert(column, **options), rows)  # type: ignore[misc]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--columns", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    result = {"detection": detection(chosen.columns, chosen.seed), "cpu_seconds_per_million": costs(chosen.rows)}
    print(json.dumps(result, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
