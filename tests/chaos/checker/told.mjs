/*  told -- files of JSON lines that only grow, read on where we stopped. */

import fs from "node:fs";
import path from "node:path";

const CHUNK = 1 << 20;

export class Lines {
  constructor(file) {
    this.path = file;
    this.offset = 0;
    this.rest = "";
    this.decoder = new TextDecoder();
  }

  /** What came since; a torn last line waits for its end, a torn line of a killed writer is left out. */
  *read() {
    if (!fs.existsSync(this.path)) return;
    const file = fs.openSync(this.path, "r");
    const buffer = Buffer.alloc(CHUNK);
    try {
      for (let size; (size = fs.readSync(file, buffer, 0, CHUNK, this.offset)) > 0;) {
        this.offset += size;
        const text = this.decoder.decode(buffer.subarray(0, size), { stream: true });
        const lines = (this.rest + text).split("\n");
        this.rest = lines.pop();
        for (const line of lines) {
          const value = parse(line);
          if (value) yield value;
        }
      }
    } finally {
      fs.closeSync(file);
    }
  }
}

function parse(line) {
  try {
    return line.trim() ? JSON.parse(line) : null;
  } catch {
    return null;
  }
}

/** name -> Lines of all told/<prefix><name>.jsonl, those that are new included each time. */
export function discover(folder, prefix, known) {
  for (const file of fs.existsSync(folder) ? fs.readdirSync(folder).sort() : []) {
    const name = file.startsWith(prefix) && file.endsWith(".jsonl") && file.slice(prefix.length, -6);
    if (name && !known.has(name)) known.set(name, new Lines(path.join(folder, file)));
  }
  return known;
}
