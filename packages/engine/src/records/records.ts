/** Where the records of signatures lie: sigdata files beside stamps, siginfo files in the shared state. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AT_ONCE, byText, eachLimited, hasCode, ifThere, readTextIfThere, run } from "@tsbake/base";
import { readRecord } from "@tsbake/graph";
import type { SignatureExplanation } from "@tsbake/graph";
import type { RecipeInfo } from "@tsbake/recipe";

/** A file with what went into one signature. */
export interface RecordFile {
  readonly path: string;
  /** With `do_`. */
  readonly task: string;
  readonly unihash: string;
  readonly place: "stamps" | "store";
}

/** `1.0-r0.do_compile.sigdata.0bdb…`; a task's name has no dot. */
const SIGDATA = /\.([^./]+)\.sigdata\.([0-9a-f]+)$/;
/** `sstate:PN:…:14:0bdb…_compile.tar.zst.siginfo`. */
const SIGINFO = /:([0-9a-f]+)_([^:/]+)\.tar\.(?:zst|gz)\.siginfo$/;

export interface RecordFolders {
  /** STAMPS_DIR, and whatever folders of stamps lie elsewhere. */
  readonly stamps: readonly string[];
  /** SSTATE_DIR. */
  readonly store?: string;
}

/** Each folder is listed once, when it is first needed. */
export class SignatureRecords {
  readonly #folders: RecordFolders;
  readonly #read = new Map<string, Promise<SignatureExplanation | undefined>>();
  #stamps: Promise<RecordIndex> | undefined;
  #store: Promise<RecordIndex> | undefined;

  constructor(folders: RecordFolders) {
    this.#folders = folders;
  }

  /**
   * The record of a task and unihash: of that recipe, beside a stamp or in the store, else of another recipe with equal
   * inputs, whose record differs in names only.
   *
   * @param label `PN:do_task`, with `mc:NAME:` in front for a multiconfig
   */
  async find(label: string, unihash: string): Promise<SignatureExplanation | undefined> {
    const [task = "", pn = ""] = label.split(":").reverse();
    const key = `${task} ${unihash}`;
    const files = [...((await this.#inStamps()).byHash.get(key) ?? [])];
    const isOwn = ({ path, place }: RecordFile) => recipeOf(path, place) === pn;
    if (!files.some(isOwn)) files.push(...((await this.#inStore()).byHash.get(key) ?? []));
    for (const file of [...files.filter(isOwn), ...files.filter((one) => !isOwn(one))]) {
      const record = await this.read(file.path);
      if (record) return record;
    }
    return undefined;
  }

  /** Records of a recipe's task, newest first; those beside stamps may be of other versions of the recipe, too. */
  async ofTask(
    recipe: Pick<RecipeInfo, "pn" | "stamp">,
    task: string,
    places: readonly RecordFile["place"][],
  ): Promise<RecordFile[]> {
    const found = new Set<RecordFile>();
    for (const place of places) {
      const { byOwner } = await (place === "stamps" ? this.#inStamps() : this.#inStore());
      for (const owner of [recipe.pn, recipe.stamp])
        for (const file of byOwner.get(`${task} ${owner}`) ?? []) found.add(file);
    }
    const files = [...found];
    const times = await eachLimited(files, AT_ONCE, async ({ path }) => (await ifThere(stat(path)))?.mtimeMs);
    // One that was pruned since the folder was listed is none.
    const dated = files.flatMap((file, at) => (times[at] === undefined ? [] : [{ file, time: times[at] }]));
    dated.sort((left, right) => right.time - left.time || byText(left.file.path, right.file.path));
    return dated.map(({ file }) => file);
  }

  /** Undefined when the file is gone, or no record. */
  read(path: string): Promise<SignatureExplanation | undefined> {
    let record = this.#read.get(path);
    if (!record) {
      record = readPlain(path).then((text) => (text === undefined ? undefined : readRecord(text)));
      this.#read.set(path, record);
    }
    return record;
  }

  #inStamps(): Promise<RecordIndex> {
    return (this.#stamps ??= listRecords(this.#folders.stamps, "stamps"));
  }

  #inStore(): Promise<RecordIndex> {
    const { store } = this.#folders;
    return (this.#store ??= listRecords(store === undefined ? [] : [store], "store"));
  }
}

interface RecordIndex {
  /** By `TASK UNIHASH`. */
  readonly byHash: ReadonlyMap<string, readonly RecordFile[]>;
  /** By `TASK PN`; those beside stamps by `TASK STAMP`, too. */
  readonly byOwner: ReadonlyMap<string, readonly RecordFile[]>;
}

/** What a file's name says, or undefined when it is not that of a record. */
export function recordFile(path: string): RecordFile | undefined {
  const sigdata = SIGDATA.exec(path);
  if (sigdata) return { path, task: sigdata[1]!, unihash: sigdata[2]!, place: "stamps" };
  const siginfo = SIGINFO.exec(path);
  return siginfo ? { path, task: `do_${siginfo[2]!}`, unihash: siginfo[1]!, place: "store" } : undefined;
}

/** The folders that other records lie in, when all that is known is one of them: the layouts of STAMPS_DIR and SSTATE_DIR. */
export function foldersBeside(path: string): RecordFolders {
  const file = recordFile(path);
  if (!file) return { stamps: [] };
  const top = dirname(dirname(dirname(path)));
  return file.place === "stamps" ? { stamps: [top] } : { stamps: [], store: top };
}

/** The recipe's name in the layouts of STAMPS_DIR and SSTATE_DIR. */
export function recipeOf(path: string, place: RecordFile["place"]): string {
  return place === "store" ? (basename(path).split(":")[1] ?? "") : basename(dirname(path));
}

async function listRecords(folders: readonly string[], place: RecordFile["place"]): Promise<RecordIndex> {
  const [byHash, byOwner] = [new Map<string, RecordFile[]>(), new Map<string, RecordFile[]>()];
  const seen = new Set<string>();
  for (const folder of folders) {
    for (const path of await filesBelow(folder)) {
      const file = recordFile(path);
      if (file?.place !== place || seen.has(path)) continue;
      seen.add(path);
      push(byHash, `${file.task} ${file.unihash}`, file);
      push(byOwner, `${file.task} ${recipeOf(path, place)}`, file);
      if (place === "stamps") push(byOwner, `${file.task} ${path.replace(SIGDATA, "")}`, file);
    }
  }
  return { byHash, byOwner };
}

function push(index: Map<string, RecordFile[]>, key: string, file: RecordFile): void {
  const group = index.get(key);
  if (group) group.push(file);
  else index.set(key, [file]);
}

/** BitBake's records are compressed, for which it takes the program too. */
async function readPlain(path: string): Promise<string | undefined> {
  const text = await readTextIfThere(path);
  // The magic number of zstd, of which the last byte is no text.
  if (!text?.startsWith("(\u00B5/") && !text?.startsWith("(\uFFFD/")) return text;
  const { code, stdout } = await run("zstd", ["-dqc", "--", path], { mayFail: true });
  return code === 0 ? stdout : undefined;
}

async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}
