#!/usr/bin/env node
/*  Print the alerts of a Tidewire broker, each once, as a line of JSON.
 *
 *      npm ci --ignore-scripts                 (zeromq brings its binary along)
 *      node subscribe.mjs [ENDPOINT[,ENDPOINT...] [TOPIC]]
 *
 *  Default: tcp://127.0.0.1:5560 alert/. The same alert may come again: its id is known already. Some
 *  may be missing: `seq` of a topic is not the last one plus one. Over several brokers that is a gap
 *  only if none brings it within two seconds. It is told; the log has it (subscribe.py reads it).
 *
 *  Where Tidewire has keys, TIDEWIRE_KEY in the environment names our key file, and each ENDPOINT has
 *  the key of who listens behind it: tcp://HOST:PORT#KEY.
 */
import { decode } from "@msgpack/msgpack";
import { Subscriber } from "zeromq";
import { Link, pairOf } from "./tidewire_curve.mjs";

const IDS_REMEMBERED = 100000;
const SILENCE_MS = 3000; // the broker says hugz/ every second
const GRACE_MS = 2000; // in which another broker may bring what one has lost
const TURN_MS = 500;

const ids = new Set(); // the oldest first
const last = new Map(); // topic -> seq
const missing = new Map(); // topic -> seqs that nobody has brought yet

function take(topic, alert, graceMs) {
  if (ids.has(alert.id)) return;
  ids.add(alert.id);
  if (ids.size > IDS_REMEMBERED) ids.delete(ids.values().next().value);
  console.log(JSON.stringify(alert));
  const before = last.get(topic) ?? alert.seq;
  if (alert.seq < before) missing.get(topic)?.delete(alert.seq);
  else last.set(topic, alert.seq);
  if (alert.seq <= before + 1) return;
  const holes = missing.get(topic) ?? missing.set(topic, new Set()).get(topic);
  const mine = [];
  for (let seq = Math.max(before + 1, alert.seq - IDS_REMEMBERED); seq < alert.seq; seq++) {
    holes.add(seq);
    mine.push(seq);
  }
  setTimeout(() => {
    const left = mine.filter((seq) => holes.delete(seq));
    for (let i = 0, end; i < left.length; i = end + 1) {
      for (end = i; left[end + 1] === left[end] + 1; ) end++;
      console.error(`gap: ${topic} ${left[i]}..${left[end]} missing`);
    }
  }, graceMs);
}

class Broker {
  constructor(endpoint, topic, pair, graceMs) {
    Object.assign(this, { heard: false, silent: false, at: Date.now(), why: null, graceMs });
    this.socket = new Subscriber({ receiveHighWaterMark: 100000, maxMessageSize: 1 << 20, linger: 0 });
    this.socket.subscribe(topic, "hugz/");
    this.link = new Link(this.socket, endpoint, pair);
    setInterval(() => this.look(), TURN_MS);
  }

  async listen() {
    for await (const [name, body] of this.socket) {
      const topic = name.toString();
      this.at = Date.now();
      if (topic === "hugz/") this.hugz();
      else take(topic, decode(body), this.graceMs);
    }
  }

  hugz() {
    // Everything published from the first on reaches us; what was before may not have.
    if (!this.heard) console.error(`subscribed to ${this.link.address}`);
    else if (this.silent) console.error(`the broker at ${this.link.address} is heard again`);
    this.heard = true;
    this.silent = false;
    this.why = this.link.why = null;
  }

  look() {
    if (this.link.why !== this.why) console.error(this.link.why);
    this.why = this.link.why;
    if (this.silent || Date.now() < this.at + SILENCE_MS) return;
    console.error(`the broker at ${this.link.address} is silent; waiting`);
    this.silent = true;
  }
}

async function main([endpoints = "tcp://127.0.0.1:5560", topic = "alert/"]) {
  const list = endpoints.split(",");
  try {
    const pair = pairOf(process.env.TIDEWIRE_KEY);
    const graceMs = list.length > 1 ? GRACE_MS : 0;
    await Promise.all(list.map((one) => new Broker(one, topic, pair, graceMs).listen()));
  } catch (error) {
    console.error(`subscribe.mjs: ${error.message}`);
    process.exit(1);
  }
}

await main(process.argv.slice(2));
