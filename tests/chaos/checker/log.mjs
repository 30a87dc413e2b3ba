/*  log -- the records of a staged log, in order, as docs/stage.md and its files' heads say.
 *
 *  Reads on where it stopped; a torn end is waited for, a damaged stretch is told and skipped. What
 *  a segment holds from the first number of the next one on was written again there and is ignored.
 *
 *      file    0 "TIDEWSEG"  8 crc (of 12..127)  12 version  16 mark  24 first seq u64  32 name
 *      record  0 mark  4 crc of the head (from 8 on)  8 crc of the payload  12 its size  16 seq u64
 *             24 received, us  32 kind  33 size of source  34 size of place  36 source place payload
 */

import fs from "node:fs";
import path from "node:path";
import { crc32c } from "./bytes.mjs";
import { Cannot } from "./rule.mjs";

const FILE_HEAD = 128, RECORD_HEAD = 36, PAYLOAD_MAX = 64 << 20, CHUNK = 4 << 20;
const VERSIONS = [1, 2];
export const PAYLOAD = 1, PLAN = 2, TICK = 3;
export const KNOWN = 7, KNOWN_END = 8; // what the writer remembers: nothing hangs on it
export const GAP = 9;                  // that something could not be staged, and why

const SHORT = "short", DAMAGED = "damaged";

export class Log {
  /** tell(text): something is wrong with the log. excuse(file): "wait" if it is damaged on purpose
   *  just now, "again" if it was and should be read once more, else undefined. */
  constructor(folder, tell, excuse = () => undefined) {
    Object.assign(this, { folder, tell, excuse });
    this.seq = 0;        // of the last record given
    this.received = 0;
    this.mark = 0;
    this.name = null;    // of the segment being read
    this.offset = 0;
    this.buffer = Buffer.alloc(CHUNK);
    this.excused = "";   // where damage was read once more, since it was made on purpose
    this.again = "";     // where it was read once more, since it may have been written just then
  }

  segments() {
    if (!fs.existsSync(this.folder)) return [];
    const names = fs.readdirSync(this.folder).filter((name) => /^\d{20}\.seg$/.test(name)).sort();
    return names.map((name) => ({ name, first: Number(name.slice(0, 20)) }));
  }

  close() {
    if (this.file !== undefined) fs.closeSync(this.file);
    this.file = undefined;
  }

  open(name) {
    this.close();
    this.file = fs.openSync(path.join(this.folder, name), "r");
    this.name = name;
    this.offset = 0;
    this.from = this.have = 0;
  }

  /** Bytes from `offset` on: at least `least`, if the file has them. */
  bytes(offset, least) {
    if (offset < this.from || offset + least > this.from + this.have) {
      if (least > this.buffer.length) this.buffer = Buffer.alloc(least);
      this.from = offset;
      this.have = fs.readSync(this.file, this.buffer, 0, this.buffer.length, offset);
    }
    return this.buffer.subarray(offset - this.from, this.have);
  }

  parse(offset) {
    let bytes = this.bytes(offset, RECORD_HEAD);
    if (bytes.length < RECORD_HEAD) return SHORT;
    const kind = bytes[32], size = bytes.readUInt32LE(12);
    if (bytes.readUInt32LE(0) !== this.mark || kind < 1 || kind > GAP || size > PAYLOAD_MAX)
      return DAMAGED;
    const head = RECORD_HEAD + bytes[33] + bytes[34];
    bytes = this.bytes(offset, head + size);
    if (bytes.length < head) return SHORT;
    if (crc32c(bytes, 8, head) !== bytes.readUInt32LE(4)) return DAMAGED;
    if (bytes.length < head + size) return SHORT;
    const crc = bytes.readUInt32LE(8);
    if (crc32c(bytes, head, head + size) !== crc) return DAMAGED;
    return {
      kind, crc, size: head + size,
      seq: Number(bytes.readBigUInt64LE(16)),
      received: Number(bytes.readBigInt64LE(24)),
      source: bytes.toString("utf8", RECORD_HEAD, RECORD_HEAD + bytes[33]),
      payload: bytes.subarray(head, head + size),
    };
  }

  /** The head of the segment just opened. False: it is not there yet. */
  begin(first) {
    const bytes = this.bytes(0, FILE_HEAD);
    if (bytes.length < FILE_HEAD) return false;
    const good = bytes.toString("latin1", 0, 8) === "TIDEWSEG" &&
      bytes.readUInt32LE(8) === crc32c(bytes, 12, FILE_HEAD) &&
      Number(bytes.readBigUInt64LE(24)) === first;
    const version = bytes.readUInt32LE(12);
    if (good && !VERSIONS.includes(version)) throw new Cannot(`segments of version ${version}`);
    if (!good) this.tell(`I1 segment ${this.name}: its head is damaged`);
    const mark = good ? bytes.readUInt32LE(16) : this.mark;
    if (this.mark && mark !== this.mark) this.tell(`I1 segment ${this.name}: of another log`);
    this.mark = mark;
    this.offset = FILE_HEAD;
    return true;
  }

  /** The next offset at which an intact record begins, or -1. */
  search(offset) {
    const wanted = Buffer.alloc(4);
    wanted.writeUInt32LE(this.mark);
    for (let at = offset + 1; ;) {
      const bytes = this.bytes(at, RECORD_HEAD);
      if (bytes.length < RECORD_HEAD) return -1;
      const found = bytes.indexOf(wanted);
      if (found < 0) {
        at += bytes.length - 3;
        continue;
      }
      at += found;
      if (typeof this.parse(at) === "object") return at;
      at++;
    }
  }

  /** Where a record should begin there is none. False: nothing more can be read now. */
  mend(state, follower) {
    const place = `${this.name}:${this.offset}`;
    if (state === SHORT && !follower) return false; // being written, or torn: its writer cuts it
    if (this.again !== place) {
      this.again = place;
      this.have = 0;
      return true;
    }
    const after = this.search(this.offset);
    if (after < 0 && !follower) return false;
    const excuse = this.excuse(this.name);
    if (excuse === "wait") {
      this.waiting = this.name;
      return false;
    }
    if (excuse === "again" && this.excused !== place) {
      this.excused = place;
      this.have = 0;
      return true;
    }
    if (after >= 0) {
      this.tell(`I1 segment ${this.name}: ${after - this.offset} bytes from ${this.offset} on, ` +
                `after record ${this.seq}, are damaged`);
      this.offset = after;
    } else {
      this.tell(`I1 segment ${this.name}: ${state} from ${this.offset} on, ` +
                `after record ${this.seq}; the next begins with ${follower.first}`);
      this.open(follower.name);
      this.begin(follower.first);
    }
    return true;
  }

  enter(segments) {
    if (this.name) return true;
    if (!segments.length) return false;
    this.open(segments[0].name);
    if (!this.begin(segments[0].first)) {
      this.name = null;
      return false;
    }
    if (segments[0].first > 1)
      this.tell(`I1 records 1 to ${segments[0].first - 1} are gone before they were checked`);
    this.seq = segments[0].first - 1;
    return true;
  }

  /** Records that are there, until `wanted` says no: that one comes again next time. */
  *records(wanted = () => true) {
    const segments = this.segments();
    this.waiting = null; // a segment that is damaged on purpose, and will be mended
    this.have = 0; // what was the end may have grown
    if (!this.enter(segments)) return;
    for (;;) {
      const follower = segments.find((segment) => segment.name > this.name);
      if (follower && this.seq + 1 >= follower.first) {
        this.open(follower.name);
        if (!this.begin(follower.first)) return;
        continue;
      }
      const record = this.parse(this.offset);
      if (typeof record !== "object") {
        if (!this.mend(record, follower)) return;
        continue;
      }
      if (record.seq > this.seq && !wanted(record)) return;
      this.offset += record.size;
      if (this.fits(record)) yield record;
    }
  }

  fits(record) {
    const first = Number(this.name.slice(0, 20));
    if (record.seq <= this.seq) {
      this.tell(`I1 record ${record.seq} stands twice in the log, in ${this.name} ` +
                `(begins with ${first}) after record ${this.seq}`);
      return false;
    }
    if (record.seq > this.seq + 1)
      this.tell(`I1 records ${this.seq + 1} to ${record.seq - 1} are missing in the log`);
    if (record.received <= this.received)
      this.tell(`I1 record ${record.seq} was received at ${record.received}, not after the one before`);
    this.seq = record.seq;
    this.received = record.received;
    return true;
  }
}
