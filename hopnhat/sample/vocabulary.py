"""Words that synthetic dossiers are made of. No real person: names are combined at random, e-mail domains are reserved.

Procedure codes have the national form (`[1-3].\\d{6}`, DVCQG catalogue); fees and terms are plausible, not official.
"""

from __future__ import annotations

from dataclasses import dataclass

SURNAMES = (
    ("Nguyễn", 384), ("Trần", 121), ("Lê", 95), ("Phạm", 71), ("Hoàng", 51), ("Phan", 45), ("Vũ", 39), ("Đặng", 21),
    ("Bùi", 20), ("Đỗ", 14), ("Ngô", 13), ("Dương", 10), ("Đào", 8), ("Đinh", 8), ("Lý", 5), ("Trịnh", 6), ("Lương", 5),
    ("Mai", 5), ("Tạ", 4), ("Chu", 4), ("Cao", 4), ("Hà", 4), ("Kiều", 3), ("Quách", 2), ("Triệu", 2), ("Khuất", 2),
    ("Nghiêm", 2), ("Đoàn", 6), ("Thạch", 2), ("Phùng", 5),
)  # fmt: skip
MIDDLE_MALE = ("Văn", "Đức", "Hữu", "Quang", "Minh", "Xuân", "Đình", "Công", "Thanh", "Ngọc", "Tiến", "Bá", "Trọng", "Duy", "Mạnh")
MIDDLE_FEMALE = ("Thị", "Thị", "Thị", "Thu", "Ngọc", "Thanh", "Kim", "Thùy", "Phương", "Mỹ", "Minh", "Hồng", "Bích", "Diệu", "Khánh")
GIVEN_MALE = (
    "Hùng", "Dũng", "Tuấn", "Cường", "Hải", "Sơn", "Long", "Thắng", "Bình", "Hòa", "Đạt", "Quân", "Khoa", "Phúc", "Thủy", "Lý",
    "Quý", "Hưng", "Nghĩa", "Đường", "Tráng", "Vượng", "Huy", "Khánh", "Lộc", "Mạnh", "Ninh", "Phong", "Tùng", "Ước", "Việt", "Ưng",
)  # fmt: skip
GIVEN_FEMALE = (
    "Hường", "Lan", "Hoa", "Mai", "Hương", "Thủy", "Hòa", "Yến", "Nga", "Hạnh", "Phượng", "Loan", "Trang", "Huyền", "Quyên", "Mỹ",
    "Ánh", "Oanh", "Ngân", "Thảo", "Vân", "Xuân", "Tuyết", "Thúy", "Liễu", "Nhung", "Đào", "Kỳ", "Ngữ", "Diễm", "Khuê", "Trâm",
)  # fmt: skip
FIRM_KINDS = ("Công ty TNHH", "Công ty cổ phần", "Công ty TNHH một thành viên", "Doanh nghiệp tư nhân", "Hợp tác xã")
FIRM_WORDS = (
    "Thương mại", "Xây dựng", "Vận tải", "Thực phẩm", "Cơ khí", "May mặc", "Nội thất", "Dược phẩm", "Điện tử", "Du lịch",
)  # fmt: skip
FIRM_NAMES = ("Đại Phát", "Hồng Hà", "Thủ Đô", "Sông Nhuệ", "Tản Viên", "Hòa Bình", "Thăng Long", "Việt Hưng", "Đông Đô", "Kinh Bắc")
STREETS = (
    "đường Láng", "đường Giải Phóng", "phố Huế", "đường Ngọc Hồi", "đường Nguyễn Trãi", "phố Hàng Bông", "đường Lý Thường Kiệt",
    "đường Trần Phú", "đường Hoàng Hoa Thám", "quốc lộ 1A", "quốc lộ 32", "đường Đê La Thành", "phố Mỹ Đình", "đường Âu Cơ",
)  # fmt: skip
HAMLETS = ("Thôn", "Xóm", "Tổ dân phố số", "Tổ", "Khu", "Cụm")
OFFICERS = ("Chuyên viên", "Chuyên viên", "admin", "Cán bộ tiếp nhận", "Bộ phận một cửa")


@dataclass(frozen=True)
class Procedure:
    code: str
    name: str
    days: int
    fee: int
    weight: int


PROCEDURES = (
    Procedure("2.000815", "Chứng thực bản sao từ bản chính giấy tờ, văn bản", 1, 2_000, 30),
    Procedure("2.000884", "Chứng thực chữ ký trong các giấy tờ, văn bản", 1, 10_000, 10),
    Procedure("1.001193", "Đăng ký khai sinh", 1, 0, 9),
    Procedure("1.000894", "Đăng ký kết hôn", 1, 0, 5),
    Procedure("1.000656", "Đăng ký khai tử", 1, 0, 4),
    Procedure("1.004873", "Cấp Giấy xác nhận tình trạng hôn nhân", 3, 3_000, 6),
    Procedure("1.004884", "Đăng ký lại khai sinh", 5, 8_000, 3),
    Procedure("2.000635", "Cấp bản sao Trích lục hộ tịch", 1, 8_000, 7),
    Procedure("1.001612", "Đăng ký thành lập hộ kinh doanh", 3, 100_000, 6),
    Procedure("2.000720", "Đăng ký thay đổi nội dung đăng ký hộ kinh doanh", 3, 100_000, 3),
    Procedure("1.009994", "Cấp giấy phép xây dựng nhà ở riêng lẻ", 15, 75_000, 3),
    Procedure("1.012766", "Đăng ký, cấp Giấy chứng nhận quyền sử dụng đất lần đầu", 20, 100_000, 3),
    Procedure("1.001653", "Đổi, cấp lại Giấy xác nhận khuyết tật", 5, 0, 2),
    Procedure("1.001776", "Thực hiện, điều chỉnh trợ cấp xã hội hàng tháng", 22, 0, 3),
    Procedure("1.011442", "Đăng ký biện pháp bảo đảm bằng quyền sử dụng đất", 1, 80_000, 5),
    Procedure("2.001023", "Liên thông đăng ký khai sinh, đăng ký thường trú, cấp thẻ bảo hiểm y tế", 10, 0, 1),
)

# National status → how often, for dossiers that are old enough to have ended.
ENDED = (("10", 930), ("9", 25), ("3", 15), ("7", 20), ("8", 10))
OPEN = (("1", 10), ("2", 20), ("4", 55), ("5", 10), ("6", 5))
