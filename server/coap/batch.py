"""Many datagrams in one system call: recvmmsg(2) and sendmmsg(2), which the socket module does not have.

What else it gives is that the interpreter's lock is kept while there is something to receive. The socket module
lets go of it at each call, and a thread that computes would then take it between any two blocks.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from ctypes import c_int, c_size_t, c_uint, c_uint32, c_void_p

from server.coap.source import SIZES, Control, Source

SIZE = 64
"""Datagrams a call at most."""
_ROOM = 2048
"""Bytes of a datagram, in and out. One that fills them may have been cut off, and is dropped."""
_WAIT_FOR_ONE = 0x10000  # MSG_WAITFORONE of <bits/socket.h>
_IP_PKTINFO = 8  # <linux/in.h>; the socket module has no name for it


class _Vector(ctypes.Structure):
    _fields_ = (("base", c_void_p), ("length", c_size_t))


class _Message(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", c_void_p),
        ("name_length", c_uint32),
        ("vectors", c_void_p),
        ("vector_count", c_size_t),
        ("control", c_void_p),
        ("control_length", c_size_t),
        ("flags", c_int),
    )


class _Header(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("message", _Message), ("length", c_uint))


_libc = ctypes.CDLL(None)
_libc_locked = ctypes.PyDLL(None)
"""The same functions, called without letting go of the interpreter's lock: only ever with MSG_DONTWAIT."""
_HEADER = ctypes.sizeof(_Header)
_WORDS = _HEADER // 4
_LENGTH = _Header.length.offset // 4


class Batch:
    """Receives datagrams and sends their answers, each from the address that was asked.

    The reply goes out where routing says; only the zone of a link-local peer binds it to an interface.
    Threads: one thread at a time uses it. The buffers are of fixed size and are made once.
    """

    def __init__(self, sock: socket.socket, wait: float) -> None:
        """`sock` is a bound UDP socket of AF_INET6 or AF_INET; `receive` waits `wait` seconds at most."""
        self._fd = sock.fileno()
        six = sock.family == socket.AF_INET6
        info = socket.CMSG_SPACE(20 if six else 12)
        self._level = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, 20) if six else (socket.IPPROTO_IP, _IP_PKTINFO, 12)
        sock.setsockopt(self._level[0], socket.IPV6_RECVPKTINFO if six else _IP_PKTINFO, 1)
        sock.setblocking(True)
        # The kernel's own time-out: Python's would cost a poll() before each call.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(wait), int(wait % 1 * 1e6)))
        self._name = SIZES[sock.family]
        self._info = info
        received, self._arrived = _buffer(_ROOM)
        answers, self._answers = _buffer(_ROOM)
        names, self._names = _buffer(self._name)
        controls, self._controls = _buffer(info)
        self._keep = (received, answers, names, controls)
        in_vectors, in_headers = (_Vector * SIZE)(), (_Header * SIZE)()
        out_vectors, self._out_headers = (_Vector * SIZE)(), (_Header * SIZE)()
        for vectors, headers, data in ((in_vectors, in_headers, received), (out_vectors, self._out_headers, answers)):
            for slot in range(SIZE):
                vectors[slot] = _Vector(ctypes.addressof(data) + slot * _ROOM, _ROOM)
                headers[slot].message = _Message(
                    ctypes.addressof(names) + slot * self._name, self._name,
                    ctypes.addressof(vectors) + slot * ctypes.sizeof(_Vector), 1,
                    ctypes.addressof(controls) + slot * info, info,
                )  # fmt: skip
        self._in, self._out = ctypes.addressof(in_headers), ctypes.addressof(self._out_headers)
        self._keep_vectors = (in_vectors, in_headers)
        self._headers = memoryview(in_headers).cast("B")
        self._fresh = bytes(self._headers)
        self._lengths = self._headers.cast("I")
        self._out_lengths = memoryview(out_vectors).cast("B").cast("L")
        self._control_words = self._controls.cast("I")
        self._name_words = self._names.cast("I")
        self._six = six
        # Where the interface's number stands in a control message, counted in words.
        self._interface = socket.CMSG_LEN(16 if six else 0) // 4
        self._sources = [struct.Struct(f"{self._name}s" * count) for count in range(SIZE + 1)]
        self._aims = list(range(SIZE))
        self._count = 0
        self._used = 0

    def receive(self) -> list[tuple[bytes, Source]]:
        """The datagrams that are there, each with its sender; waits for the first. Empty when none came."""
        if self._used:
            self._headers[: self._used * _HEADER] = self._fresh[: self._used * _HEADER]
        self._count = 0
        got = _recv_now(self._fd, self._in, SIZE, socket.MSG_DONTWAIT, None)
        if got <= 0:
            got = _recv_wait(self._fd, self._in, SIZE, _WAIT_FOR_ONE, None)
        self._used = max(got, 0)
        arrived, lengths = self._arrived, self._lengths
        datagrams = []
        for slot, source in enumerate(self._sources[self._used].unpack_from(self._names)):
            at = slot * _ROOM
            datagrams.append((arrived[at : at + lengths[slot * _WORDS + _LENGTH]].tobytes(), source))
        return datagrams

    def reply(self, slot: int, answer: bytes) -> None:
        """Answer the datagram at `slot` of the last `receive`; it leaves with `send`."""
        out = self._count
        if self._aims[out] != slot:
            message = self._out_headers[out].message
            message.name = ctypes.addressof(self._keep[2]) + slot * self._name
            message.control = ctypes.addressof(self._keep[3]) + slot * self._info
            self._aims[out] = slot
        at = out * _ROOM
        length = len(answer)
        self._answers[at : at + length] = answer
        self._out_lengths[2 * out + 1] = length
        self._control_words[slot * self._info // 4 + self._interface] = self._zone_of(slot)
        self._count = out + 1

    def send(self) -> None:
        """Send what was given to `reply`. What cannot be sent is lost, as the network might have lost it."""
        done = 0
        while done < self._count:
            sent = _send_now(self._fd, self._out + done * _HEADER, self._count - done, socket.MSG_DONTWAIT)
            done += sent if sent > 0 else 1

    def control(self, slot: int) -> Control:
        """The control message with which the socket's sendmsg() answers the datagram at `slot` later."""
        at, (level, kind, size) = slot * self._info + socket.CMSG_LEN(0), self._level
        info = bytearray(self._controls[at : at + size])
        where = 16 if kind == socket.IPV6_PKTINFO else 0
        info[where : where + 4] = struct.pack("=I", self._zone_of(slot))
        return [(level, kind, bytes(info))]

    def _zone_of(self, slot: int) -> int:
        return self._name_words[slot * 7 + 6] if self._six else 0


def is_cut_off(data: bytes) -> bool:
    """Whether a received datagram may have been longer."""
    return len(data) >= _ROOM


def _buffer(size: int) -> tuple[ctypes.Array[ctypes.c_char], memoryview]:
    buffer = (ctypes.c_char * (SIZE * size))()
    return buffer, memoryview(buffer).cast("B")


_recv_now, _recv_wait, _send_now = _libc_locked.recvmmsg, _libc.recvmmsg, _libc_locked.sendmmsg
for _function in (_recv_now, _recv_wait):
    _function.argtypes = (c_int, c_void_p, c_uint, c_int, c_void_p)
_send_now.argtypes = (c_int, c_void_p, c_uint, c_int)
