"""Text that is sound UTF-8 already passes unaltered, whatever language it is in, and no column of it is doubted."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from mappings.encodings.build import WORDS_FILE
from mappings.units.registry import load_registry
from transforms.encodings import detect
from transforms.text import clean, decode

MINORITIES = [
    "Đắk", "Ê Đê", "Krông Búk", "Pờ Ê", "Cơ Tu", "Xơ Đăng", "Đắk R'Lấp", "M'Nông", "Ea H'leo", "Ksor H'Nhiên", "Y Bhăm Êban", "Kpă Klơng", "Ngọk Réo", "Rờ Kơi", "Chư Păh", "Ia Krêl", "Bríu Pố",
    "Zơ Râm Vọt", "Sùng Mí Sính", "Thào Seo Lừ", "Lù Văn Pỉn", "K'Brễu", "Điểu K'Ré", "Bh'riu Liếc", "Mù Cang Chải", "Si Ma Cai", "Hồ Văn Pả Dư", "Lơ Mu K'Tôn", "Katơr Đáo", "Danh Ốp",
]  # fmt: skip
OTHERS = [
    "John O'Neil", "R&D", "C++ / C#", "50% off", "a@b.vn", 'e.g. "quoted"', "C:\\users\\new", "AT&T", "Müller", "José García", "Zoë Castaño", "René Noël", "Łukasz Żak", "Café Phin",
    "王伟", "李娜（经理）", "東京都、千代田区", "김철수", "ไทย", "Россия", "Ελλάδα", "ខ្មែរ", "ລາວ", "👍🏽 Tốt", "❤️", "🇻🇳 Việt Nam", "👨‍👩‍👧 gia đình", "①②③", "½ lô", "№5", "25°C", "50m²", "10€", "“Quán 3 Râu” – số 7",
]  # fmt: skip


def unit_names() -> list[str]:
    """Every name a unit has had since 2004."""
    return sorted({instance.name for instance in load_registry().instances})


def people(count: int) -> list[str]:
    lines = [line.split(":")[1].split() for line in WORDS_FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    chance, parts = random.Random(50), [word for group in lines for word in group]
    made = (" ".join(chance.choices(parts, k=chance.randint(2, 5))) for _ in range(count))
    return [chance.choice([text, text.title(), text.upper()]) for text in made]


@pytest.mark.parametrize("texts", [unit_names(), people(20_000), MINORITIES, OTHERS], ids=["units", "people", "minorities", "others"])
def test_nothing_is_altered_doubted_or_held(texts: list[str]) -> None:
    landed = pa.array([text.encode() for text in texts], pa.binary())
    for transport in ("bytes", "text"):
        decoded = decode(landed, transport=transport, encoding="utf-8")
        assert decoded.values.to_pylist() == texts
        assert decoded.reject is None
        assert decoded.warn is None
    cleaned = clean(decoded.values)
    assert cleaned.values.to_pylist() == texts
    assert cleaned.reject is None


@pytest.mark.parametrize("transport", ["bytes", "text"])
@pytest.mark.parametrize("texts", [unit_names(), people(2_000), MINORITIES], ids=["units", "people", "minorities"])
def test_clean_columns_are_utf8_and_not_mixed(texts: list[str], transport: str) -> None:
    verdict = detect(pa.array([text.encode() for text in texts], pa.binary()), transport=transport)
    assert verdict.encoding == "utf-8"
    assert not verdict.mixed
