"""Writes a graph in ONNX's file format, a message of protocol buffers (onnx.proto, IR version 9).

The library `onnx` would do it, but takes ten megabytes of each worker for a message that is written once. A message
is a list of parts, so that large arrays are not copied.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from struct import pack

import numpy as np
from numpy.typing import NDArray

FLOAT, INT8, INT64 = 1, 3, 7
"""Types of elements: `TensorProto.DataType`."""
_TYPES = {np.dtype(np.float32): FLOAT, np.dtype(np.int8): INT8, np.dtype(np.int64): INT64}
_OPSET, _IR_VERSION = 20, 9
_VARINT, _BYTES, _FIXED32 = 0, 2, 5
"""Wire types of protocol buffers."""
_FLOAT_ATTRIBUTE, _INT_ATTRIBUTE, _INTS_ATTRIBUTE = 1, 2, 7
"""`AttributeProto.AttributeType`."""

Attribute = int | float | Sequence[int]
Message = list[bytes | memoryview]


def node(operator: str, inputs: Iterable[str], outputs: Iterable[str], **attributes: Attribute) -> Message:
    """Return a `NodeProto`."""
    return _joined(
        *[_text(1, name) for name in inputs],
        *[_text(2, name) for name in outputs],
        _text(4, operator),
        *[_field(5, _attribute(name, value)) for name, value in attributes.items()],
    )


def tensor(name: str, array: NDArray[np.generic]) -> Message:
    """Return a `TensorProto` with an array of one of the types."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    sizes = [_number(1, size) for size in array.shape]
    return _joined(
        *sizes, _number(2, _TYPES[array.dtype]), _text(8, name), _field(9, [little.reshape(-1).view("B").data])
    )


def value(name: str, element: int, shape: Iterable[int | str]) -> Message:
    """Return a `ValueInfoProto`: an input or output with its type and shape. A size may be a name."""
    sizes = [_field(1, _text(2, size) if isinstance(size, str) else _number(1, size)) for size in shape]
    tensor_type = _joined(_number(1, element), _field(2, _joined(*sizes)))
    return _joined(_text(1, name), _field(2, _field(1, tensor_type)))


def model(
    nodes: Iterable[Message], tensors: Iterable[Message], inputs: Iterable[Message], outputs: Iterable[Message]
) -> Message:
    """Return a `ModelProto` with one graph of standard operators."""
    graph = _joined(
        *[_field(1, part) for part in nodes],
        _text(2, "reader"),
        *[_field(5, part) for part in tensors],
        *[_field(11, part) for part in inputs],
        *[_field(12, part) for part in outputs],
    )
    operators = _joined(_text(1, ""), _number(2, _OPSET))
    return _joined(_number(1, _IR_VERSION), _field(7, graph), _field(8, operators))


def _attribute(name: str, value: Attribute) -> Message:
    content: Message
    if isinstance(value, float):
        content, kind = [_key(2, _FIXED32) + pack("<f", value)], _FLOAT_ATTRIBUTE
    elif isinstance(value, int):
        content, kind = _number(3, value), _INT_ATTRIBUTE
    else:
        content, kind = _joined(*[_number(8, each) for each in value]), _INTS_ATTRIBUTE
    return _joined(_text(1, name), content, _number(20, kind))


def _joined(*parts: Message) -> Message:
    return list(chain.from_iterable(parts))


def _key(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _number(field: int, number: int) -> Message:
    return [_key(field, _VARINT) + _varint(number % (1 << 64))]


def _text(field: int, text: str) -> Message:
    return _field(field, [text.encode()])


def _field(field: int, content: Message) -> Message:
    return [_key(field, _BYTES) + _varint(sum(map(len, content))), *content]


def _varint(number: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first; the high bit marks all but the last."""
    groups = bytearray()
    while number >= 1 << 7:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)
