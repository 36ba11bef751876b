"""All that learning reads of a labelled comment: its hashed columns, its signals and its memory keys, without its text.

A row takes some 750 bytes, a million of them less than a gigabyte. A text may be deleted without unlearning its label.
"""

import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from moderation.features.extraction import FEATURES_VERSION, document_of
from moderation.features.memory_keys import KEY_RECORD, find_memory_keys
from moderation.features.ngrams import N_COLUMNS, WORDS, Field, hash_documents
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals import measure, signal_codes

MAX_WORDS = 120
"""Words of a text that a row covers. With their n-grams they have some 700 columns."""
ROW_VERSION = 10 * FEATURES_VERSION + 1
"""Version of a stored row: that of the features, and of the way in which they are packed."""

_HEADER = struct.Struct("<HH")
"""Number of columns, and length of their compressed high bytes."""
_KEY_WORDS = KEY_RECORD.itemsize // 4
_MASK_BYTES = (_KEY_WORDS + 7) // 8
_LOW_BYTES = KEY_RECORD.itemsize + _HEADER.size
_MAX_DECOMPRESSED_BYTES = 1 << 18
"""A long field has at most some thousand columns."""


@dataclass(frozen=True, eq=False)
class LabelFeatures:
    """The features of one labelled comment, packed in `row` and unpacked when they are needed.

    The row has the memory keys, then the columns as differences, then the signals. Stored, a mask of the words of four
    bytes in the keys that are used comes first, as a third of them are not.
    """

    row: bytes

    @classmethod
    def of(cls, parsed: ParsedComment) -> Self:
        """Return the features of a comment. Of a long text the first `MAX_WORDS` words count."""
        document = [
            Field(field.words[:MAX_WORDS], WORDS) if field.namespace == WORDS else field
            for field in document_of(parsed)
        ]
        columns = np.sort(hash_documents([document]).columns)
        differences = np.diff(columns, prepend=0).astype("<u4").view(np.uint8).reshape(-1, 4)
        # Nearly all high bytes are small and compress well; low bytes do not compress.
        high = zlib.compress(differences[:, 1:3].T.tobytes(), 9)
        signals = np.array(measure(parsed), dtype="<f2").view(np.uint8).reshape(-1, 2)
        parts = (
            find_memory_keys(parsed).to_bytes(),
            _HEADER.pack(len(columns), len(high)),
            differences[:, 0].tobytes(),
            high,
            zlib.compress(signals.T.tobytes(), 9),
        )
        return cls(b"".join(parts))

    @classmethod
    def from_bytes(cls, row: bytes) -> Self:
        """Return the features of a stored row. Raises `ValueError` for one that was cut."""
        mask = np.frombuffer(row[:_MASK_BYTES].ljust(_MASK_BYTES, b"\0"), np.uint8)
        used = np.flatnonzero(np.unpackbits(mask, count=_KEY_WORDS))
        rest = _MASK_BYTES + 4 * len(used)
        words = np.zeros(_KEY_WORDS, dtype="<u4")
        words[used] = np.frombuffer(row[_MASK_BYTES:rest].ljust(4 * len(used), b"\0"), "<u4")
        features = cls(words.tobytes() + row[rest:])
        length = len(features.row)
        if length <= _LOW_BYTES or length <= _LOW_BYTES + sum(features._lengths):
            raise ValueError("These label features are damaged.")
        return features

    def to_bytes(self) -> bytes:
        """Return the row to store."""
        words = np.frombuffer(self.key_record, "<u4")
        used = words != 0
        return b"".join((np.packbits(used).tobytes(), words[used].tobytes(), self.row[KEY_RECORD.itemsize :]))

    @property
    def key_record(self) -> bytes:
        """The memory keys as one `KEY_RECORD`."""
        return self.row[: KEY_RECORD.itemsize]

    @property
    def _lengths(self) -> tuple[int, int]:
        """The number of columns and the length of their compressed high bytes."""
        n_columns, n_high = _HEADER.unpack_from(self.row, KEY_RECORD.itemsize)
        return n_columns, n_high

    @cached_property
    def columns(self) -> NDArray[np.int32]:
        """The hashed columns of all fields in ascending order, so field by field.

        A column is repeated as in the rows of the model. The value of each is the norm of its field divided by the root
        of the field's number of columns. Raises `ValueError` for columns of another version.
        """
        n_columns, n_high = self._lengths
        begin = _LOW_BYTES + n_columns
        differences = np.zeros((n_columns, 4), dtype=np.uint8)
        differences[:, 0] = np.frombuffer(self.row, np.uint8, n_columns, _LOW_BYTES)
        differences[:, 1:3] = _unpack(self.row[begin : begin + n_high]).reshape(2, n_columns).T
        columns = np.cumsum(differences.view("<u4").ravel(), dtype=np.int64)
        if n_columns and columns[-1] >= N_COLUMNS:
            raise ValueError("These label features are of another version.")
        return columns.astype(np.int32)

    @cached_property
    def signals(self) -> NDArray[np.float16]:
        """The values of the signals, shape (signals,), NaN for an absent one."""
        begin = _LOW_BYTES + sum(self._lengths)
        planes = _unpack(self.row[begin:]).reshape(2, len(signal_codes()))
        return np.ascontiguousarray(planes.T).view("<f2").ravel()


def _unpack(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(zlib.decompressobj().decompress(data, _MAX_DECOMPRESSED_BYTES), np.uint8)
