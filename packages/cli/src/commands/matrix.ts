/** `tsbake matrix`: builds extensions and their bases, each piece once, and says which extension fits which base. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildError, removeTree, scratchFolder, sortedUnique } from "@tsbake/base";
import type { ExtensionRecipe, LockedBuild } from "@tsbake/engine";
import { judgeOn, type NamedExtension, readExtension, sharedBytes, type Verdict } from "@tsbake/image";
import type { Display } from "../display/display.js";
import { ALL_WELL, FAILED } from "../process/exit-code.js";
import { imageNotBuilt, noExtensions } from "../problems.js";
import { matrixText, type Matrix, type MatrixCell, type MatrixRow } from "../text/matrix-text.js";
import { buildRequest } from "./build.js";
import type { Asked, SessionCommand } from "./command.js";

export const matrix: SessionCommand = { locked: { holds: () => "everything", run } };

/** The worst verdict, as of `tsbake check`. */
const CODES: Readonly<Record<Verdict, number>> = { ok: ALL_WELL, rebuild: 1, broken: 2 };

async function run({ request, around }: Asked, build: LockedBuild, display: Display): Promise<number> {
  const { chosen, all } = build.extensions(request.targets);
  if (chosen.length === 0) throw new BuildError([noExtensions()]);
  const chains = new Map(chosen.map((one) => [one.name, chainOf(one, all)]));
  const bases = sortedUnique([
    ...chosen.map(({ name }) => chains.get(name)!.root),
    ...chosen.flatMap(({ alsoFor }) => alsoFor),
    ...request.matrix!.bases,
  ]);
  const targets = [...chosen.map(({ name }) => name), ...bases.map((base) => `${base}:do_pkgdb_snapshot`)];
  const { summary } = await build.build({ ...buildRequest(request, around), targets });
  display.conclude(summary, []);
  if (summary?.ok === false) return FAILED;
  const scratch = await scratchFolder(join(tmpdir(), "tsbake-matrix-"));
  try {
    const judge = new Judge(build, scratch, chains);
    const rows: MatrixRow[] = [];
    for (const family of sortedUnique(chosen.map((one) => one.family))) {
      display.see({ type: "step", text: `looking at ${family} on ${bases.length} bases` });
      rows.push(
        await judge.row(
          family,
          chosen.filter((one) => one.family === family),
          bases,
        ),
      );
    }
    const found: Matrix = { format: 1, bases, extensions: rows };
    const json = `${JSON.stringify(found, undefined, 1)}\n`;
    display.answer(request.matrix!.asJson ? json : matrixText(found), found);
    return Math.max(...rows.flatMap((row) => row.bases.map(({ verdict }) => CODES[verdict])));
  } finally {
    await removeTree(scratch);
  }
}

/** What an extension stands on. */
interface Chain {
  /** The recipe of the base at the end. */
  readonly root: string;
  /** Extensions between, the lowest first. */
  readonly below: readonly string[];
}

function chainOf({ base }: ExtensionRecipe, all: readonly ExtensionRecipe[]): Chain {
  const below: string[] = [];
  let root = base;
  for (;;) {
    const next = all.find(({ name }) => name === root);
    // A circle would have been told of when the tasks were put in order.
    if (next === undefined || below.includes(next.name)) return { root, below };
    below.unshift(next.name);
    root = next.base;
  }
}

class Judge {
  readonly #build: LockedBuild;
  readonly #scratch: string;
  readonly #chains: ReadonlyMap<string, Chain>;
  readonly #opened = new Map<string, NamedExtension>();
  #folders = 0;

  constructor(build: LockedBuild, scratch: string, chains: ReadonlyMap<string, Chain>) {
    this.#build = build;
    this.#scratch = scratch;
    this.#chains = chains;
  }

  /** @param variants of one extension, the recipe itself first */
  async row(
    name: string,
    variants: readonly ExtensionRecipe[],
    bases: readonly string[],
  ): Promise<MatrixRow> {
    const [first] = variants as [ExtensionRecipe];
    const main = await this.#open(first.name);
    const cells: MatrixCell[] = [];
    for (const base of bases) {
      const own = variants.find((one) => this.#chains.get(one.name)!.root === base);
      const used = own ?? first;
      const extension = await this.#open(used.name);
      const below = [];
      for (const one of this.#chains.get(used.name)!.below) below.push(await this.#open(one));
      const { verdict, refusals, findings } = await judgeOn(extension, this.#source(base), below);
      // What the first one was built for shares nothing: it is what others share.
      const isFirst = own === first;
      const { totalBytes, sharedBytes: shared } = sharedBytes(extension.tree, main.tree);
      cells.push({
        base,
        image: used.name,
        isOwn: own !== undefined,
        verdict,
        sizeBytes: totalBytes,
        sharedBytes: isFirst ? 0 : shared,
        refusals,
        findings,
      });
    }
    return { extension: name, sizeBytes: sharedBytes(main.tree, main.tree).totalBytes, bases: cells };
  }

  async #open(name: string): Promise<NamedExtension> {
    const known = this.#opened.get(name);
    if (known) return known;
    const { image, companion, manifest } = this.#build.deployedImage(name);
    if (image === undefined) throw new BuildError([imageNotBuilt(name, manifest)]);
    const opened = await readExtension(image, this.#folder(), { manifest, ...(companion && { companion }) });
    this.#opened.set(name, opened);
    return opened;
  }

  #source(base: string): Parameters<typeof judgeOn>[1] {
    const { snapshot, image } = this.#build.deployedImage(base);
    const cache = this.#build.project.configurationText("CACHE");
    return {
      name: base,
      path: snapshot ?? image ?? base,
      scratch: this.#folder(),
      cache: cache && join(cache, "bases"),
    };
  }

  #folder(): string {
    return join(this.#scratch, String((this.#folders += 1)));
  }
}
