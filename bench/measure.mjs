/** Runs commands with a stopwatch, and says what a row of times comes to. */
import { spawn } from "node:child_process";
import { readFile, rm, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Timed
 * @property {number} wall seconds
 * @property {number} cpu user + system seconds of the command and all that it waited for
 * @property {number} rssKiB peak of the largest single process; NaN without GNU time
 * @property {string} stdout
 */

/**
 * Runs a command to its end.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{cwd?: string, env?: Record<string, string>}} [options]
 * @returns {Promise<Timed>}
 * @throws Error with the end of what it said when it fails
 */
export async function timed(command, args, options = {}) {
  const folder = await mkdtemp(join(tmpdir(), "tsbake-time-"));
  const report = join(folder, "time");
  // bash counts the children that nobody but their parent waited for; GNU time, if there, adds the memory.
  const script = `TIMEFORMAT='%R %U %S'; { time ${GNU_TIME} "$@" 2>&3; } 3>&2 2>"$REPORT"`;
  const env = { ...process.env, ...options.env, REPORT: report, RSS: join(folder, "rss") };
  try {
    const done = await capture("bash", ["-c", script, "bash", command, ...args], { cwd: options.cwd, env });
    if (done.code !== 0) {
      throw new Error(`${command} ended with ${done.code}:\n${(done.stderr || done.stdout).slice(-3000)}`);
    }
    const [wall = NaN, user = NaN, system = NaN] = (await readFile(report, "utf8")).split(" ").map(Number);
    const rssKiB = Number(await readFile(env.RSS, "utf8").catch(() => "NaN"));
    return { wall, cpu: user + system, rssKiB, stdout: done.stdout };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Runs a command and waits for the daemons that it leaves behind as well; their processor time and memory count.
 *
 * @returns {Promise<Timed>} wall: of the command alone; rssKiB always there
 * @throws Error with the end of what it said when it fails
 */
export async function reaped(command, args, options = {}) {
  const folder = await mkdtemp(join(tmpdir(), "tsbake-time-"));
  const report = join(folder, "report");
  try {
    const env = { ...process.env, ...options.env };
    const done = await capture("python3", [REAPER, report, command, ...args], { cwd: options.cwd, env });
    if (done.code !== 0) {
      throw new Error(`${command} ended with ${done.code}:\n${`${done.stdout}${done.stderr}`.slice(-3000)}`);
    }
    const [wall = NaN, user = NaN, system = NaN, rssKiB = NaN] = (await readFile(report, "utf8"))
      .split(" ")
      .map(Number);
    return { wall, cpu: user + system, rssKiB, stdout: done.stdout };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const REAPER = fileURLToPath(new URL("reap.py", import.meta.url));
const GNU_TIME = '$(test -x /usr/bin/time && echo /usr/bin/time -q -f %M -o "$RSS")';

/** @returns {Promise<{code: number, stdout: string, stderr: string}>} code 128 when a signal ended it */
export function capture(command, args, options = {}) {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8").on("data", (piece) => (texts[name] += piece));
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 128, ...texts }));
  });
}

/**
 * Runs each contender `runs` times, in turns: a neighbour that wakes up disturbs all of them.
 *
 * @template {string} Name
 * @param {number} runs
 * @param {Record<Name, () => Promise<{wall: number, cpu: number}>>} contenders
 * @returns {Promise<Record<Name, {wall: number[], cpu: number[]}>>}
 */
export async function inTurns(runs, contenders) {
  const names = Object.keys(contenders);
  const all = Object.fromEntries(names.map((name) => [name, { wall: [], cpu: [] }]));
  for (let turn = 0; turn < runs; turn++) {
    for (const name of names) {
      const { wall, cpu } = await contenders[name]();
      all[name].wall.push(wall);
      all[name].cpu.push(cpu);
      process.stderr.write(`  ${name} ${turn + 1}/${runs}: ${wall.toFixed(2)} s, cpu ${cpu.toFixed(2)} s\n`);
    }
  }
  return all;
}

/** Best, mean, and the mean's standard error. The best is nearest to what the work costs; the rest is the neighbours. */
export function summary(times) {
  const mean = times.reduce((sum, one) => sum + one, 0) / times.length;
  const spread = times.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, times.length - 1);
  return { best: Math.min(...times), mean, error: Math.sqrt(spread / times.length) };
}

/** `1.23 (1.30 ± 0.02)` */
export function seconds(times) {
  if (times.length === 0) return "–";
  const { best, mean, error } = summary(times);
  return times.length === 1
    ? best.toFixed(2)
    : `${best.toFixed(2)} (${mean.toFixed(2)} ± ${error.toFixed(2)})`;
}

/** A Markdown table, columns aligned. */
export function table(head, rows) {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...rows.map(line)].join(
    "\n",
  );
}
