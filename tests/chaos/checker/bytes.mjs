/*  bytes -- checksums, and msgpack to values.
 *
 *  Written from the specifications (RFC 3720, IEEE 802.3, msgpack), not from our C: what both get
 *  wrong in the same way would go unseen.
 */

function checksum(polynomial) {
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    table[byte] = value;
  }
  return (bytes, from = 0, to = bytes.length) => {
    let crc = -1;
    for (let i = from; i < to; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]) & 255];
    return ~crc >>> 0;
  };
}

export const crc32c = checksum(0x82f63b78 | 0); // Castagnoli: the log
export const crc32 = checksum(0xedb88320 | 0);  // of Ethernet and zlib: what clients noted

export class Malformed extends Error {}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  take(size) {
    if (this.bytes.length - this.at < size) throw new Malformed("msgpack ends too early");
    this.at += size;
    return this.at - size;
  }

  uint(size) {
    const at = this.take(size);
    return size < 8 ? this.bytes.readUIntBE(at, size) : narrow(this.bytes.readBigUInt64BE(at));
  }

  int(size) {
    const at = this.take(size);
    return size < 8 ? this.bytes.readIntBE(at, size) : narrow(this.bytes.readBigInt64BE(at));
  }

  text(size) {
    const at = this.take(size);
    return this.bytes.toString("utf8", at, at + size);
  }

  bin(size) {
    const at = this.take(size);
    return this.bytes.subarray(at, at + size);
  }

  array(count) {
    const items = [];
    for (let i = 0; i < count; i++) items.push(this.value());
    return items;
  }

  map(count) {
    const pairs = new Map();
    for (let i = 0; i < count; i++) {
      const key = this.value();
      if (pairs.has(key)) throw new Malformed(`msgpack: the key ${key} stands twice`);
      pairs.set(key, this.value());
    }
    return pairs;
  }

  value() {
    const tag = this.uint(1);
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.map(tag & 15);
    if (tag < 0xa0) return this.array(tag & 15);
    if (tag < 0xc0) return this.text(tag & 31);
    if (tag >= 0xe0) return tag - 256;
    switch (tag) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6: return this.bin(this.uint(1 << (tag - 0xc4)));
      case 0xca: return this.bytes.readFloatBE(this.take(4));
      case 0xcb: return this.bytes.readDoubleBE(this.take(8));
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return this.uint(1 << (tag - 0xcc));
      case 0xd0: case 0xd1: case 0xd2: case 0xd3: return this.int(1 << (tag - 0xd0));
      case 0xd9: case 0xda: case 0xdb: return this.text(this.uint(1 << (tag - 0xd9)));
      case 0xdc: case 0xdd: return this.array(this.uint(2 << (tag - 0xdc)));
      case 0xde: case 0xdf: return this.map(this.uint(2 << (tag - 0xde)));
    }
    throw new Malformed(`msgpack: byte ${tag.toString(16)} begins nothing we know`);
  }
}

function narrow(big) {
  const number = Number(big);
  return Number.isSafeInteger(number) ? number : big;
}

/** The one value that these bytes are: maps as Map, bin as Buffer, integers beyond 2^53 as BigInt. */
export function unpack(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value();
  if (reader.at !== bytes.length) throw new Malformed("msgpack: bytes after the end");
  return value;
}
