/**
 * Programs that tests call and a machine may lack. What the machine has is taken; the rest comes as the product takes it, from
 * native recipes of the feed, built by the product itself into one folder of the test run that all test files share.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { hasProgram } from "@tsbake/archive";
import { writeFileAtomic } from "@tsbake/base";
import { run } from "./command.js";
import { archiveProblem } from "./archive.js";
import { root } from "./paths.js";
import { plainEnvironment } from "./temporary.js";

/** What tells that a tool is there; its recipe is `NAME-native`. */
const PROGRAMS = {
  bzip2: "bzip2",
  fakeroot: "faked-sysv",
  gpg: "gpg-agent",
  lz4: "lz4",
  openssl: "openssl",
  patch: "patch",
  python3: "python3",
  rpm: "rpm",
  "ssh-keygen": "ssh-keygen",
  unzip: "unzip",
  xz: "xz",
  zstd: "zstd",
} as const;

export type Tool = keyof typeof PROGRAMS;

/** In the folder of the run. */
const FOLDER = join(tmpdir(), "tools");

const downloads = process.env["TSBAKE_TEST_DOWNLOADS"];
const PROJECT = `header:
  version: 14
machine: generic
distro: debian
target: zstd-native
repos:
  tools:
    path: ${join(root, "tests/fixtures/layers/meta-tools")}
local_conf_header:
  downloads: |
    ${downloads ? `DL_DIR = "${downloads}"` : "# the build's own folder"}
`;

/**
 * Puts tools on the PATH of this test file, behind the machine's own, for whatever it starts. Before its tests are defined.
 *
 * @returns why one of them cannot be had, or undefined: never where the archive can be asked
 * @throws Error when the product cannot build one
 */
export async function toolsProblem(...tools: readonly Tool[]): Promise<string | undefined> {
  const missing: Tool[] = [];
  for (const tool of tools) if (!(await hasProgram(PROGRAMS[tool]))) missing.push(tool);
  if (missing.length === 0) return undefined;
  const wanted = missing.filter((tool) => !existsSync(mark(tool)));
  const offline = wanted.length === 0 ? undefined : await archiveProblem();
  if (offline !== undefined)
    return `no ${missing.join(", ")} on this machine, and not from the feed: ${offline}`;
  if (wanted.length > 0) await build(wanted);
  process.env["PATH"] = [process.env["PATH"], ...missing.map(folderOf)].join(delimiter);
  return undefined;
}

/** Where the product has put the program. */
function folderOf(tool: Tool): string {
  const components = join(FOLDER, "build/tmp/sysroots-components");
  const folder = readdirSync(components)
    .map((architecture) => join(components, architecture, `${tool}-native/usr/bin`))
    .find((path) => existsSync(join(path, PROGRAMS[tool])));
  if (folder === undefined) throw new Error(`${PROGRAMS[tool]} is not in ${components}`);
  return folder;
}

/** There when the tool is made. */
function mark(tool: Tool): string {
  return join(FOLDER, `${tool}.made`);
}

/** Several test files ask at once: one builds, the others then find it done. */
async function build(tools: readonly Tool[]): Promise<void> {
  // Some tests run as somebody else.
  mkdirSync(FOLDER, { recursive: true, mode: 0o755 });
  await writeFileAtomic(join(FOLDER, "tsbake.yaml"), PROJECT);
  const recipes = tools.map((tool) => `${tool}-native`);
  const program = join(root, "scripts/start.js");
  const command = [process.execPath, program, "-c", "populate_sysroot", ...recipes];
  const done = await run("flock", [join(FOLDER, "lock"), ...command], {
    cwd: FOLDER,
    env: { ...plainEnvironment(), HOME: FOLDER },
  });
  if (done.code !== 0)
    throw new Error(`${recipes.join(" ")} could not be built:\n${done.stdout}${done.stderr}`);
  for (const tool of tools) writeFileSync(mark(tool), "");
}
