"""The segments of a staged log, read and written by hand: for tests that need one that is not as
Tidewire writes it. The bytes: broker/stage/segment.h. Small logs only: CRC-32C in Python is slow.
"""

import dataclasses
import struct

RECORD_PAYLOAD, RECORD_PLAN, RECORD_TICK = 1, 2, 3
FILE_HEAD_BYTES, RECORD_HEAD_BYTES = 128, 36
CASTAGNOLI = 0x82F63B78


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (CASTAGNOLI if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


@dataclasses.dataclass
class Record:
    kind: int
    seq: int
    received: int
    source: bytes
    place: bytes
    payload: bytes

    def encode(self, mark):
        tail = struct.pack("<IIQqBBBB", crc32c(self.payload), len(self.payload), self.seq,
                           self.received, self.kind, len(self.source), len(self.place), 0)
        tail += self.source + self.place
        return struct.pack("<II", mark, crc32c(tail)) + tail + self.payload


class StagedLog:
    """All intact records of a folder of segments; saved as one segment."""

    def __init__(self, folder):
        self.folder = folder
        self.records = []
        self.mark = 0
        for path in sorted(folder.glob("*.seg")):
            self._read(path.read_bytes())

    def _read(self, data):
        self.head = data[:FILE_HEAD_BYTES]
        (self.mark,) = struct.unpack_from("<I", data, 16)
        at = FILE_HEAD_BYTES
        while len(data) - at >= RECORD_HEAD_BYTES:
            mark, _, _, size, seq, received, kind, source, place, _ = \
                struct.unpack_from("<IIIIQqBBBB", data, at)
            body = at + RECORD_HEAD_BYTES
            end = body + source + place + size
            if mark != self.mark or end > len(data):
                return
            names = body + source
            self.records.append(Record(kind, seq, received, data[body:names],
                                       data[names:names + place], data[end - size:end]))
            at = end

    def _file_head(self):
        tail = self.head[12:24] + struct.pack("<Q", self.records[0].seq) + self.head[32:]
        return self.head[:8] + struct.pack("<I", crc32c(tail)) + tail

    def save(self):
        for path in self.folder.glob("*.seg"):
            if path != self._path():
                path.unlink()
        data = self._file_head() + b"".join(record.encode(self.mark) for record in self.records)
        self._path().write_bytes(data)

    def _path(self):
        return self.folder / f"{self.records[0].seq:020}.seg"

    def append(self, record):
        last = self.records[-1]
        self.records.append(dataclasses.replace(record, seq=last.seq + 1, received=last.received + 1))

    def remove(self, record, renumber=False):
        place = self.records.index(record)
        del self.records[place]
        for later in self.records[place:] if renumber else []:
            later.seq -= 1

    def flip(self, record, byte):
        """A bit of that byte of the record, in the file."""
        self.save()
        before = self.records[:self.records.index(record)]
        self.flip_at(FILE_HEAD_BYTES + sum(len(r.encode(self.mark)) for r in before) + byte)

    def flip_at(self, place):
        data = bytearray(self._path().read_bytes())
        data[place] ^= 4
        self._path().write_bytes(data)
