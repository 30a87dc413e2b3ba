/*  Connect to a socket of Tidewire, with keys or without.
 *
 *      const pair = pairOf("alice.key_secret"); // or null, where there are no keys
 *      const link = new Link(socket, "tcp://10.0.0.5:5560#6f3a...", pair);
 *
 *  Where Tidewire has keys, an endpoint is tcp://HOST:PORT#KEY: behind the # stand 64 hexadecimal
 *  digits, the public key of who listens there, as `status --json` shows it. libzmq talks to nobody
 *  else. Our own pair is in the file NAME.key_secret that `keys add NAME --role ROLE` made.
 */
import { readFileSync } from "node:fs";

const REFUSED_MS = 1000; // after a refusal, until we try again
const WHY = {
  "handshake:error:auth":
    "it refuses our key: is it known there (`keys list`), and of a role that may come in?",
  "handshake:error:protocol":
    "it has keys and we have none, or the other way round, or it is no socket of Tidewire",
  "handshake:error:other":
    "no handshake: is what stands behind # the key of who listens there now?",
};
const Z85 =
  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

// The pair in a file NAME.key_secret; null without one.
export function pairOf(file) {
  if (!file) return null;
  const text = readFileSync(file, "utf8");
  const value = (name) => text.match(new RegExp(`^\\s*${name} = "([^"]{40})"`, "m"))?.[1];
  const pair = { curvePublicKey: value("public-key"), curveSecretKey: value("secret-key") };
  if (!pair.curvePublicKey || !pair.curveSecretKey)
    throw new Error(`${file} has no pair of keys: NAME.key_secret is the file to give`);
  return pair;
}

// 64 hexadecimal digits as libzmq wants them in a text.
function z85(hex) {
  const bytes = Buffer.from(hex, "hex");
  let text = "";
  for (let at = 0; at < bytes.length; at += 4)
    for (let value = bytes.readUInt32BE(at), unit = 85 ** 4; unit >= 1; unit /= 85)
      text += Z85[Math.floor(value / unit) % 85];
  return text;
}

// A socket's connection. libzmq connects again by itself after a broken connection, but not after
// a refusal: this does. `refused` is why, until the next try.
export class Link {
  constructor(socket, endpoint, pair) {
    const [address, key] = endpoint.split("#");
    Object.assign(this, { socket, address, why: null, refused: false });
    if (key !== undefined && !pair)
      throw new Error(`${address} wants a key: give your file NAME.key_secret in TIDEWIRE_KEY`);
    if (pair && key === undefined)
      throw new Error(
        `${endpoint} has no key behind it, and we have one: give the whole endpoint, ` +
          "tcp://HOST:PORT#KEY, as `status --json` shows it",
      );
    if (pair && !/^[0-9a-f]{64}$/i.test(key))
      throw new Error(`${address}: behind # stand 64 hexadecimal digits`);
    if (pair) Object.assign(socket, pair, { curveServerKey: z85(key) });
    // Without keys a handshake without detail is a peer that died in it, no more.
    for (const event of pair ? Object.keys(WHY) : ["handshake:error:protocol"])
      socket.events.on(event, () => this.fail(event));
    socket.connect(address);
  }

  fail(event) {
    this.why = `${this.address}: ${WHY[event]}`;
    if (event === "handshake:error:other" || this.refused) return;
    this.refused = true;
    setTimeout(() => {
      if (this.socket.closed) return;
      this.refused = false;
      this.socket.disconnect(this.address);
      this.socket.connect(this.address);
    }, REFUSED_MS).unref();
  }
}
