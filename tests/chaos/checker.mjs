#!/usr/bin/env node
/*  The independent checker of chaos runs: from the staged log alone it derives what must have come
 *  of it, and compares that with what clients received.
 *
 *      node checker.mjs RUN            a finished run; exit 1 if there are violations, 2 if not to
 *                                      be checked
 *      node checker.mjs RUN --serve    questions and answers, a line of JSON each:
 *          {"check": us, "now": us, "after": fault}
 *                            alerts of what was received before are in the alert log by now: who has
 *                            all that it held then has them
 *          {"final": true, "after": fault}
 *                            everything must be there
 *          -> {"violations": [{"text", "after"}...], "rows": n, "alerts": n, "seconds": x} or
 *             {"cannot": why}; after: the fault after which it was missed first
 *
 *  Nothing of ours is linked or run: the files of the stage are read as they lie (checker/log.mjs).
 *  RUN holds stage/, told/ (JSON lines of the clients) and faults.jsonl.
 */

import readline from "node:readline";
import { Malformed } from "./checker/bytes.mjs";
import { Cannot } from "./checker/rule.mjs";
import { Run } from "./checker/run.mjs";

function timed(run, question) {
  const begun = process.hrtime.bigint();
  try {
    const answer = run.check(question);
    return { ...answer, seconds: Number(process.hrtime.bigint() - begun) / 1e9 };
  } catch (error) {
    if (!(error instanceof Cannot) && !(error instanceof Malformed)) throw error;
    return { cannot: error.message };
  }
}

async function serve(run) {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { check: settled = 0, final = false, now = 0, after } = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(timed(run, { settled, final, now, after }))}\n`);
    if (final) break;
  }
}

function judge(run) {
  const answer = timed(run, { settled: Infinity, final: true });
  if (answer.cannot) {
    console.error(`cannot check: ${answer.cannot}`);
    return 2;
  }
  const { violations, seconds, ...counts } = answer;
  for (const { text } of violations) console.log(text);
  const summary = Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(", ");
  console.log(`${run.total} violations; ${summary}; ${seconds.toFixed(1)} s`);
  return run.total > 0 ? 1 : 0;
}

const [folder, option, ...rest] = process.argv.slice(2);
if (!folder || rest.length || (option && option !== "--serve")) {
  console.error("usage: node checker.mjs RUN [--serve]");
  process.exit(2);
}
const run = new Run(folder);
if (option) await serve(run);
else process.exitCode = judge(run);
