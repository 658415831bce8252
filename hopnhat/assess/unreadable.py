"""Why something cannot be assessed, in the reader's language. The readers' own errors are English and meant for logs."""

from __future__ import annotations

import re

from hopnhat.model.errors import HopNhatError, MappingError, SourceAccessError, SourceUnavailableError


class UnreadableError(HopNhatError):
    """The file or system cannot be assessed. `problem` is Vietnamese; `reader` is the reader's own error, whose class says
    whether trying again can help."""

    exit_code = 3
    reader: HopNhatError | None = None


_SAID = (
    (r"ZIP bomb|take all memory", "tệp nén phình to bất thường (bom nén), từ chối mở", "mở bằng phần mềm bảng tính rồi lưu lại, hoặc xuất ra CSV"),
    (r"password", "tệp được đặt mật khẩu", "đề nghị chủ tệp lưu lại không mật khẩu"),
    (r"is not there", "không thấy tệp", "kiểm tra đường dẫn và ổ đĩa mạng"),
    (r"may not be read", "tài khoản đang chạy không có quyền đọc tệp", "cấp quyền đọc cho tài khoản này"),
    (r"refused the login", "máy chủ từ chối đăng nhập hoặc quyền đọc", "kiểm tra tài khoản, mật khẩu, tên cơ sở dữ liệu và quyền SELECT"),
    (r"declares entities", "XML khai báo thực thể hoặc DTD ngoài, từ chối mở", "xin tệp xuất không có DOCTYPE"),
    (r"does not answer|dropped the connection", "máy chủ không trả lời hoặc ngắt kết nối", "kiểm tra địa chỉ, cổng, mạng và máy chủ"),
    (r"time or lock limit", "máy chủ dừng truy vấn vì quá thời gian", "chạy lại khi máy chủ rảnh"),
    (r"is not installed", "máy này thiếu chương trình đọc loại tệp này", "cài gói mdbtools (make services)"),
    (r"locked", "tệp đang bị chương trình khác khóa", "chạy lại khi chương trình ghi tệp đã dừng"),
    (r"ends inside a quoted cell", "tệp kết thúc giữa một ô có dấu nháy (bị cắt hoặc thừa dấu nháy)", "xin bản xuất đầy đủ"),
    (r"cells instead of", "có dòng thừa hoặc thiếu ô so với tiêu đề", "dấu phân cách nằm trong ô: xin bản xuất có dấu nháy"),
    (r"ends before its header row|no header row", "không có dòng tiêu đề", "kiểm tra tệp có dữ liệu"),
    (r"no sound JSON|no JSON object", "có dòng không phải đối tượng JSON", "mỗi dòng phải là một đối tượng JSON trọn vẹn"),
    (r"no connection", "máy này chưa khai báo kết nối tới hệ thống", "khai báo biến HOPNHAT_CONN_<ID> hoặc dùng --url"),
    (r"no legacy system", "chưa có hệ thống này trong mappings/systems", "dùng --url để khảo sát hệ thống mới"),
)  # fmt: skip


def unreadable(error: HopNhatError, name: str) -> UnreadableError:
    """The reader's error in Vietnamese, with its own words behind where we have none. They never quote values."""
    if isinstance(error, UnreadableError):
        return error
    text = f"{error.problem} {error.hint}"
    for pattern, problem, hint in _SAID:
        if re.search(pattern, text):
            place = re.search(r"\b(?:row|line|record) (\d+)", error.problem)
            where = f" (từ dòng {place[1]})" if place else ""
            return _made(error, f"{name}: {problem}{where}", hint)
    kind = "cấu hình" if isinstance(error, MappingError) else "quyền" if isinstance(error, SourceAccessError) else "nguồn"
    if isinstance(error, SourceUnavailableError):
        return _made(error, f"{name}: không mở được nguồn ({error.problem})", "kiểm tra đường dẫn, ổ đĩa, mạng rồi chạy lại")
    if kind == "nguồn":
        return _made(error, f"{name}: tệp hỏng, bị cắt hoặc không đúng loại ({error.problem})", "xin bản sao đầy đủ, không hỏng")
    return _made(error, f"{name}: sai {kind} ({error.problem})", error.hint)


def _made(error: HopNhatError, problem: str, hint: str) -> UnreadableError:
    made = UnreadableError(problem, hint=hint)
    made.reader = error
    return made
