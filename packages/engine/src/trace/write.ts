/**
 * After each task what is below WORKDIR goes into a git repository beside it, below TMPDIR/trace. Nothing is written into WORKDIR,
 * and no task reads the trace, so that a build with it has the same signatures and artifacts.
 *
 * `git fast-import` makes the commit: one process a task, and neither .gitignore nor .gitattributes of the sources count.
 *
 * @see git-fast-import(1)
 */
import { existsSync, mkdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import type { Datastore } from "@tsbake/datastore";
import {
  BuildError,
  fsPath,
  git,
  gitReason,
  hasCode,
  messageOf,
  nameBytes,
  readTextIfThere,
  writeFileAtomic,
  type Diagnostic,
} from "@tsbake/base";
import { traceFailed } from "../problems.js";
import { formatChanges, type TracedChange } from "./changes.js";
import { changesOf, seeTree, type SeenEntry, type SeenTree } from "./tree.js";

/** Of larger files the trace has size and digest: a patch of them helps nobody. */
const MOST_BYTES = 1 << 20;
/**
 * A pack a commit: to unpack it, as git does with small ones, takes a second process and as long as all the rest. No deltas: what
 * comes one after the other is seldom alike, and the search for them takes a third of the time.
 */
const FAST_IMPORT =
  "-c core.compression=1 -c fastimport.unpackLimit=0 fast-import --quiet --done --depth=0".split(" ");
const BRANCH = "refs/heads/trace";
/** In the repository: what was seen at the last commit. */
const SEEN = "tsbake-seen.json";

/** Where the trace of a recipe is. @param workdir WORKDIR of the recipe */
export function traceFolder(tmpdir: string, workdir: string): string {
  return join(tmpdir, "trace", `${relative(tmpdir, workdir).replace(/^(?:\.\.\/)+/, "")}.git`);
}

export class WorkTrace {
  readonly #warn: (diagnostic: Diagnostic) => void;
  /** By repository: tasks of one recipe may end at the same moment. */
  readonly #last = new Map<string, Promise<void>>();
  #hasFailed = false;

  constructor(warn: (diagnostic: Diagnostic) => void) {
    this.#warn = warn;
  }

  /**
   * What a task has changed, as a commit with the tag `do_TASK`. A trace that cannot be kept is one warning a build: what is built
   * does not depend on it.
   *
   * @param name with `do_`
   */
  async ended(name: string, d: Datastore, failed: boolean): Promise<void> {
    if (d.getText("TRACE_WORKDIR") !== "1") return;
    const text = (variable: string): string => d.getText(variable) ?? "";
    const workdir = text("WORKDIR");
    const folder = traceFolder(text("TMPDIR"), workdir);
    const others = ["T", "RECIPE_SYSROOT", "RECIPE_SYSROOT_NATIVE"].map((one) =>
      relative(workdir, text(one)),
    );
    const before = this.#last.get(folder) ?? Promise.resolve();
    const commit = before.then(() =>
      this.#commit({ folder, workdir, leftOut: new Set(others), name, failed }),
    );
    this.#last.set(folder, commit);
    await commit;
  }

  async #commit(task: TracedWork): Promise<void> {
    try {
      await commitWork(task);
    } catch (error) {
      const [diagnostic = traceFailed(task.folder, messageOf(error))] =
        error instanceof BuildError ? error.diagnostics : [];
      if (!this.#hasFailed) this.#warn(diagnostic);
      this.#hasFailed = true;
    }
  }
}

interface TracedWork {
  /** The repository. */
  readonly folder: string;
  readonly workdir: string;
  readonly leftOut: ReadonlySet<string>;
  /** With `do_`. */
  readonly name: string;
  readonly failed: boolean;
}

async function commitWork({ folder, workdir, leftOut, name, failed }: TracedWork): Promise<void> {
  const isFresh = !existsSync(join(folder, "HEAD"));
  if (isFresh) {
    mkdirSync(folder, { recursive: true });
    const init = ["-c", "init.defaultBranch=trace", "init", "--quiet", "--bare", "--template=", folder];
    await demandGit(folder, init);
  }
  const seen = await readSeen(folder);
  const before: SeenTree = seen ?? new Map();
  const now = await seeTree(workdir, leftOut, before);
  const changes = changesOf(before, now);
  const message = `${name}${failed ? " (failed)" : ""}\n\n${formatChanges(changes)}`;
  // git knows it also where a person has packed its references.
  const isFirst = isFresh || (seen === undefined && !(await hasBranch(folder)));
  const parts = { workdir, name, message, changes, now, isFirst, hasSeen: seen !== undefined };
  await demandGit(folder, ["--git-dir", folder, ...FAST_IMPORT], commitStream(parts));
  await writeFileAtomic(join(folder, SEEN), JSON.stringify([...now]), { sync: false });
}

/** @throws BuildError `engine/trace-failed` */
async function demandGit(
  folder: string,
  args: readonly string[],
  input?: Iterable<Uint8Array>,
): Promise<void> {
  const { code, stderr } = await git(args, { input });
  if (code !== 0) throw new BuildError([traceFailed(folder, gitReason(stderr))]);
}

async function hasBranch(folder: string): Promise<boolean> {
  const { code } = await git(["--git-dir", folder, "rev-parse", "--quiet", "--verify", BRANCH]);
  return code === 0;
}

/** undefined: nothing was seen, or what was written of it was broken off. */
async function readSeen(folder: string): Promise<SeenTree | undefined> {
  const text = await readTextIfThere(join(folder, SEEN));
  try {
    return text === undefined ? undefined : new Map(JSON.parse(text) as [string, SeenEntry][]);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

interface CommitParts {
  readonly workdir: string;
  readonly name: string;
  readonly message: string;
  readonly changes: readonly TracedChange[];
  readonly now: SeenTree;
  readonly isFirst: boolean;
  readonly hasSeen: boolean;
}

/** What goes comes before what comes: a folder may become a file. */
function* commitStream({
  workdir,
  name,
  message,
  changes,
  now,
  isFirst,
  hasSeen,
}: CommitParts): Generator<Buffer> {
  const seconds = Math.floor(Date.now() / 1000);
  yield Buffer.from(`feature done\ncommit ${BRANCH}\nmark :1\ncommitter tsbake <tsbake> ${seconds} +0000\n`);
  yield* data(nameBytes(message));
  // What was seen may be lost, in a power cut: then all is there anew.
  if (!isFirst) yield Buffer.from(`from ${BRANCH}^0\n${hasSeen ? "" : "deleteall\n"}`);
  const isKept = ({ kind }: { readonly kind: string }): boolean => kind === "file" || kind === "link";
  for (const one of changes)
    if (one.what !== "added" && isKept(one.before))
      yield Buffer.concat([Buffer.from("D "), quoted(one.path), NEWLINE]);
  for (const one of changes) {
    if (one.what === "deleted" || !isKept(one.now)) continue;
    const mode = one.now.kind === "link" ? "120000" : one.now.mode & 0o111 ? "100755" : "100644";
    yield Buffer.concat([Buffer.from(`M ${mode} inline `), quoted(one.path), NEWLINE]);
    yield* data(contentOf(`${workdir}/${one.path}`, now.get(one.path)!));
  }
  yield Buffer.from(`reset refs/tags/${name}\nfrom :1\n\ndone\n`);
}

const NEWLINE = Buffer.from("\n");

function* data(bytes: Buffer): Generator<Buffer> {
  yield Buffer.from(`data ${bytes.length}\n`);
  yield bytes;
  yield NEWLINE;
}

/** As in C. */
function quoted(path: string): Buffer {
  const escaped = path.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return Buffer.concat([Buffer.from('"'), nameBytes(escaped), Buffer.from('"')]);
}

function contentOf(place: string, { kind, sizeBytes, digest }: SeenEntry): Buffer {
  if (kind === "link") return readlinkSync(fsPath(place), "buffer");
  if (sizeBytes > MOST_BYTES) return Buffer.from(`${sizeBytes} bytes, SHA-256 ${digest}\n`);
  try {
    return readFileSync(fsPath(place));
  } catch (error) {
    // What another task of the recipe, or a process that it left, has taken away meanwhile is in the next commit.
    if (hasCode(error, "EACCES", "ENOENT")) return Buffer.from("this file could not be read\n");
    throw error;
  }
}
