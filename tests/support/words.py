"""Vietnamese words of invented persons at real places, and how a driver misreads their bytes."""

from __future__ import annotations

FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương", "Lý")
MIDDLE = ("Văn", "Thị", "Hữu", "Đức", "Ngọc", "Minh", "Quang", "Thanh", "Thu", "Xuân", "Kim", "Hoài", "Phương", "Đình", "Công")
GIVEN = (
    "An",
    "Bình",
    "Cường",
    "Dũng",
    "Đường",
    "Giang",
    "Hà",
    "Hải",
    "Hằng",
    "Hiếu",
    "Hòa",
    "Hùng",
    "Hương",
    "Huệ",
    "Khánh",
    "Lan",
    "Long",
    "Mai",
    "Nga",
    "Oanh",
    "Phúc",
    "Quỳnh",
    "Sơn",
    "Thảo",
    "Thủy",
    "Tiến",
)
PLACES = (
    "Xã Ea H'leo, Huyện Ea H'leo, Tỉnh Đắk Lắk",
    "Xã Cư M'gar, Huyện Cư M'gar, Tỉnh Đắk Lắk",
    "Xã Krông Búk, Tỉnh Đắk Lắk",
    "Phường Trúc Bạch, Quận Ba Đình, Thành phố Hà Nội",
    "Xã Hoằng Quỳ, Huyện Hoằng Hóa, Tỉnh Thanh Hóa",
    "Thị trấn Yên Viên, Huyện Gia Lâm, Thành phố Hà Nội",
    "Phường 9, Quận Phú Nhuận, Thành phố Hồ Chí Minh",
    "Xã Đắk Rve, Huyện Kon Rẫy, Tỉnh Kon Tum",
    "Xã Thuỷ Phù, Thị xã Hương Thuỷ, Thành phố Huế",
    "Phường Mỹ Bình, Thành phố Long Xuyên, Tỉnh An Giang",
    "Xã Nghĩa Thắng, Huyện Đăk R'Lấp, Tỉnh Đăk Nông",
)
UNDEFINED_1252 = (0x81, 0x8D, 0x8F, 0x90, 0x9D)


def misread(data: bytes) -> str:
    """What a driver shows that takes the bytes for Windows-1252; the five undefined bytes come through as C1."""
    return "".join(chr(byte) if byte in UNDEFINED_1252 else bytes([byte]).decode("cp1252") for byte in data)
