"""Legacy Vietnamese encodings: decode and encode by table, and find out which one a column is in."""

from __future__ import annotations

from mappings.byte_tables import ENCODINGS
from transforms.encodings_codec import Decoded, Encoded, decode_bytes, encode_text, undo_misreading
from transforms.encodings_detect import Detection, detect

__all__ = ["ENCODINGS", "Decoded", "Detection", "Encoded", "decode_bytes", "detect", "encode_text", "undo_misreading"]
