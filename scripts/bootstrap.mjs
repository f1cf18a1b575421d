// The way in from a fresh machine: `npm start`, `npm test` and friends run this with whatever Node there is. It finds Bun
// (fetching it into .tools when the machine has none), installs the packages and hands over to scripts/<task>.ts.
// No dependency, no global install, nothing written outside this folder.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tools = join(root, ".tools");
const version = readFileSync(join(root, ".bun-version"), "utf8").trim();
const [task, ...rest] = process.argv.slice(2);
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

const say = (text) => process.stderr.write(`omakase: ${text}\n`);
const fail = (text) => {
  say(text);
  process.exit(1);
};

/** Whether `command` is the Bun this project is pinned to. */
const isOurBun = (command) => {
  const asked = spawnSync(command, ["--version"], { encoding: "utf8" });
  return asked.status === 0 && asked.stdout.trim() === version;
};

/** The package's own install step is run by hand: newer npm versions refuse to run it, older ones do not need it (facts: web 8). */
function fetchBun() {
  say(`fetching Bun ${version} into .tools (once)`);
  mkdirSync(tools, { recursive: true });
  writeFileSync(join(tools, "package.json"), JSON.stringify({ name: "tools", private: true }));
  const installed = spawnSync(
    npm,
    ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", `bun@${version}`],
    {
      cwd: tools,
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  if (installed.status !== 0)
    fail(`npm could not fetch bun@${version}: check the network or your npm registry setting, then try again`);
  const unpacked = spawnSync(process.execPath, ["install.js"], { cwd: join(tools, "node_modules", "bun"), stdio: "ignore" });
  if (unpacked.status !== 0) fail("Bun was fetched but did not unpack: delete .tools and try again");
}

function findBun() {
  if (isOurBun("bun")) return "bun";
  const own = join(tools, "node_modules", "bun", "bin", "bun.exe");
  if (!existsSync(own) || !isOurBun(own)) fetchBun();
  if (!isOurBun(own))
    fail(
      `the fetched Bun does not run on this machine (${process.platform} ${process.arch}): install Bun ${version} yourself and try again`,
    );
  return own;
}

function installPackages(bun) {
  const started = Date.now();
  const installed = spawnSync(bun, ["install", "--frozen-lockfile"], { cwd: root, encoding: "utf8" });
  if (installed.status !== 0) {
    process.stderr.write(installed.stdout + installed.stderr);
    fail("the packages could not be installed: the lines above say why");
  }
  const seconds = (Date.now() - started) / 1000;
  if (seconds > 2) say(`packages installed in ${seconds.toFixed(0)} s`);
}

if (!task || !existsSync(join(root, "scripts", `${task}.ts`))) fail(`there is no task "${task ?? ""}"`);
const bun = findBun();
installPackages(bun);

// What the task starts finds the same Bun by its plain name.
const path = bun === "bun" ? process.env.PATH : `${join(tools, "node_modules", ".bin")}${delimiter}${process.env.PATH}`;
const child = spawn(bun, [join(root, "scripts", `${task}.ts`), ...rest], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PATH: path },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
// `kill <npm's pid>` ends only npm's shell and leaves us to init: then the task has to end too.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid !== parent) child.kill("SIGTERM");
}, 500);
child.on("exit", (code, signal) => {
  clearInterval(watch);
  process.exit(code ?? (signal === "SIGINT" ? 130 : 143));
});
