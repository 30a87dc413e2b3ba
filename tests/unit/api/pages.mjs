// pages -- the modules of the dashboard without a browser: fresh ones for each test, and as many of
// the browser's things as the test gives.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const from = fileURLToPath(new URL("../../../actors/api/pages/", import.meta.url));

// Modules by name, of one page that was opened just now.
export async function open(...names) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pages-"));
  try {
    fs.writeFileSync(path.join(folder, "package.json"), '{"type": "module"}');
    for (const file of fs.readdirSync(from).filter(name => name.endsWith(".js")))
      fs.copyFileSync(path.join(from, file), path.join(folder, file));
    const modules = {};
    for (const name of names) modules[name] = await import(pathToFileURL(path.join(folder, `${name}.js`)));
    return modules;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

// One test after the other; the first that fails ends all.
export async function run(tests) {
  for (const test of tests) {
    await test();
    console.log(`ok ${test.name}`);
  }
}
