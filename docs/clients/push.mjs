#!/usr/bin/env node
/*  Push rows into a Tidewire feed and wait until all of them are on disk.
 *
 *      npm ci --ignore-scripts                 (zeromq brings its binary along)
 *      node push.mjs FEED ALERTS SOURCE CLIENT [BATCH] < rows.jsonl
 *
 *  Where Tidewire has keys, TIDEWIRE_KEY in the environment names the key file of this feed, and
 *  endpoints have the key of who listens behind them: tcp://HOST:PORT#KEY. ALERTS may be several
 *  brokers, separated by commas, of which one that lives is enough.
 *
 *  Each line of the input is a JSON object: column name -> value; a frame carries BATCH (1,000) of
 *  them. Run it again after whatever broke it, with the same input and batch: it goes on where it
 *  was. The class Feed is a client as docs/clients/README.md has it, to take along.
 */
import { createInterface } from "node:readline";
import { decode, encode } from "@msgpack/msgpack";
import { Push, Subscriber } from "zeromq";
import { Link, pairOf } from "./tidewire_curve.mjs";

const FRAME_BYTES_MAX = 64 << 20; // a larger frame would end the connection
const FRAMES_MAX = 256; // kept unacknowledged; then send() waits
const SILENCE_MS = 1000; // without news that makes us send again; doubles while nothing comes
const AGAIN_MS = 100; // at least between two times of sending again; doubles likewise
const PAUSE_MS_MAX = 8000;
const ASK_MS = 250;
const TURN_MS = 50;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Feed {
  constructor(feed, alerts, source, client, pair = null) {
    Object.assign(this, { source, client, n: 0, acknowledged: 0, answered: false, next: 1 });
    this.topic = `staged/${source}/${client}`;
    this.frames = new Map(); // by number, those above `acknowledged`
    this.closing = false;
    this.news = alerts.split(",").map(() => new Subscriber({ linger: 0, maxMessageSize: 4096 }));
    for (const news of this.news) news.subscribe(this.topic);
    // immediate: queue only for a collector that is there
    this.out = new Push({ immediate: true, sendHighWaterMark: 16, linger: 0, sendTimeout: TURN_MS });
    this.links = [
      new Link(this.out, feed, pair),
      ...alerts.split(",").map((broker, i) => new Link(this.news[i], broker, pair)),
    ];
    this.progress();
  }

  // Ask how many frames of this client are on disk, and go on behind them.
  async open(ms = 30000) {
    this.listening = Promise.all(this.news.map((news) => this.listen(news)));
    const end = Date.now() + ms;
    for (let ask = 0; !this.answered; await sleep(TURN_MS)) {
      const refused = this.links.find((link) => link.refused);
      if (refused) throw new Error(refused.why);
      if (Date.now() > end)
        throw new Error(
          this.links.find((link) => link.why)?.why ??
            `no answer about source '${this.source}'; with keys '${this.client}' must be the name ` +
              "of our key, or that, a dot and more",
        );
      if (Date.now() < ask) continue;
      await this.give(this.pack(0, {}));
      ask = Date.now() + ASK_MS;
    }
    this.n = this.acknowledged;
    this.next = this.n + 1;
    this.pumping = this.pump();
    return this.acknowledged;
  }

  // Number a frame of columns; it is sent, and sent again, meanwhile. Waits for room.
  async send(rows) {
    const frame = this.pack(this.n + 1, { rows });
    if (frame.length > FRAME_BYTES_MAX) throw new RangeError(`a frame of ${frame.length} bytes`);
    while (this.frames.size >= FRAMES_MAX) await sleep(TURN_MS);
    // An earlier life's frame may still have been on its way when we asked.
    if (++this.n > this.acknowledged) this.frames.set(this.n, frame);
    if (this.frames.size === 1) this.progress();
    return this.n;
  }

  async close() {
    while (this.frames.size > 0) await sleep(TURN_MS);
    this.closing = true;
    await this.pumping;
    this.abandon();
    await this.listening;
  }

  // At once; what is not acknowledged may be lost.
  abandon() {
    for (const { socket } of this.links) socket.close();
  }

  pack(n, body) {
    return encode({ v: 1, source: this.source, client: this.client, n, ...body });
  }

  // False: nobody took it.
  async give(frame) {
    try {
      await this.out.send(frame);
      return true;
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      return false;
    }
  }

  async pump() {
    while (!this.closing) {
      const n = this.next;
      const frame = this.frames.get(n);
      if (!frame) await sleep(TURN_MS);
      else if ((await this.give(frame)) && this.next === n) this.next++;
      if (this.frames.size > 0 && Date.now() >= this.silentUntil) this.goBack();
    }
  }

  async listen(news) {
    for await (const [topic, body] of news)
      // A subscription is a prefix: another client's name may begin with ours.
      if (topic.toString() === this.topic) this.hear(decode(body).n);
  }

  hear(n) {
    if (!this.answered || n > this.acknowledged) {
      this.answered = true;
      for (let i = this.acknowledged + 1; i <= n && this.frames.size > 0; i++) this.frames.delete(i);
      this.acknowledged = n;
      this.next = Math.max(this.next, n + 1);
      this.progress();
    } else if (this.next > n + 1 && Date.now() >= this.againFrom) {
      this.goBack(); // what it got from us is not what it wants next
    }
  }

  progress() {
    this.silence = SILENCE_MS;
    this.again = AGAIN_MS;
    this.silentUntil = Date.now() + SILENCE_MS;
    // The same number by another broker is no news.
    this.againFrom = this.news.length > 1 ? Date.now() + AGAIN_MS : 0;
  }

  goBack() {
    this.next = this.acknowledged + 1;
    this.silence = Math.min(2 * this.silence, PAUSE_MS_MAX);
    this.again = Math.min(2 * this.again, PAUSE_MS_MAX);
    this.silentUntil = Date.now() + this.silence;
    this.againFrom = Date.now() + this.again;
  }
}

function columnsOf(rows) {
  const names = new Set(rows.flatMap(Object.keys));
  return Object.fromEntries([...names].map((name) => [name, rows.map((row) => row[name] ?? null)]));
}

async function main([feedAddress, alerts, source, client, batch = "1000"]) {
  if (!client) {
    console.error("usage: node push.mjs FEED ALERTS SOURCE CLIENT [BATCH] < rows.jsonl");
    return 2;
  }
  let feed, known;
  try {
    feed = new Feed(feedAddress, alerts, source, client, pairOf(process.env.TIDEWIRE_KEY));
    known = await feed.open();
  } catch (error) {
    console.error(`push.mjs: ${error.message}`);
    feed?.abandon();
    return 1;
  }
  let rows = [];
  let n = 0;
  let total = 0;
  const push = async () => {
    if (++n > known) {
      await feed.send(columnsOf(rows));
      total += rows.length;
    }
    rows = [];
  };
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim()) rows.push(JSON.parse(line));
    if (rows.length === Number(batch)) await push();
  }
  if (rows.length > 0) await push();
  await feed.close();
  console.log(`rows=${total} known=${known} last=${feed.acknowledged}`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
