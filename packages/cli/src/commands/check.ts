/** `tsbake check`: an extension against bases, each of them a recipe's or a path, and the words of the answer. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { BuildError, scratchFolder } from "@tsbake/base";
import type { Build, OpenOptions } from "@tsbake/engine";
import { type BaseVerdict, judgeOn, type NamedExtension, readExtension, type Verdict } from "@tsbake/image";
import { locateBuild } from "@tsbake/project";
import type { CheckRequest } from "../command-line/command-options.js";
import { imageNotBuilt, noBase } from "../problems.js";
import type { Surroundings } from "../surroundings.js";
import { count } from "../text/text.js";
import type { Answer, SessionCommand } from "./command.js";

/** The worst verdict; docs/manual.md has the table. */
const CODES: Readonly<Record<Verdict, number>> = { ok: 0, rebuild: 1, broken: 2 };

type Around = Pick<Surroundings, "directory" | "environment" | "openBuild">;

/** Opens the project itself, and only for names that are no paths. */
export const check: SessionCommand = {
  async answerAlone({ request, around, options }) {
    return judged(request.check!, around, options);
  },
};

async function judged(request: CheckRequest, around: Around, options: OpenOptions): Promise<Answer> {
  const scratch = await scratchFolder(join(tmpdir(), "tsbake-check-"));
  const places = new Places(around, options);
  let number = 0;
  const own = (): string => join(scratch, String((number += 1)));
  try {
    const { extension: name, others: names, bases: asked } = request;
    const named = await places.extension(name);
    const extension = await readExtension(named.path, own(), named);
    const others: NamedExtension[] = [];
    for (const other of names) {
      const there = await places.extension(other);
      others.push(await readExtension(there.path, own(), there));
    }
    const bases = asked.length > 0 ? asked : named.base === undefined ? [] : [named.base];
    if (bases.length === 0) throw new BuildError([noBase(name)]);
    const verdicts: BaseVerdict[] = [];
    for (const base of bases) {
      const source = {
        name: base,
        path: await places.base(base),
        scratch: own(),
        cache: await places.cache(),
      };
      verdicts.push(await judgeOn(extension, source, others));
      // A root may be large, and there may be a hundred.
      await rm(source.scratch, { recursive: true, force: true });
    }
    const data = { format: 1, extension: extension.name, bases: verdicts };
    const text = request.asJson
      ? `${JSON.stringify(data, undefined, 1)}\n`
      : verdictsText(extension.name, verdicts);
    return { text, data, code: Math.max(...verdicts.map(({ verdict }) => CODES[verdict])) };
  } finally {
    await places.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Where things are that a person names. The project is opened for names that are no paths. */
class Places {
  readonly #around: Around;
  readonly #options: OpenOptions;
  #build: Promise<Build> | undefined;

  constructor(around: Around, options: OpenOptions) {
    this.#around = around;
    this.#options = options;
  }

  async extension(
    name: string,
  ): Promise<{ path: string; manifest?: string; companion?: string; base?: string }> {
    const path = this.#path(name);
    if (path !== undefined) return { path };
    const { image, companion, manifest, base } = (await this.#opened()).deployedImage(name);
    // Its snapshot alone is what others are built on.
    if (image === undefined) throw new BuildError([imageNotBuilt(name, manifest)]);
    return { path: image, manifest, ...(companion && { companion }), ...(base && { base }) };
  }

  async base(name: string): Promise<string> {
    const path = this.#path(name);
    if (path !== undefined) return path;
    const { snapshot, image } = (await this.#opened()).deployedImage(name);
    return snapshot ?? image ?? name;
  }

  /** Where what bases are is kept: below the cache of the project, if there is one. */
  async cache(): Promise<string | undefined> {
    const build = await this.#build;
    const cache = build?.project.configurationText("CACHE") ?? this.#cacheAround();
    return cache === undefined ? undefined : join(cache, "bases");
  }

  /** As conf/bitbake.conf has it, of a project that is not opened. */
  #cacheAround(): string | undefined {
    try {
      const { projectFiles } = this.#options;
      const { topdir } = locateBuild(this.#around.directory, this.#around.environment, projectFiles);
      return existsSync(topdir) ? join(topdir, "cache") : undefined;
    } catch (error) {
      if (error instanceof BuildError) return undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    await (await this.#build)?.close();
  }

  #path(name: string): string | undefined {
    const path = resolve(this.#around.directory, name);
    // A name with a slash is never a recipe's: the error is about the path then.
    return existsSync(path) || name.includes("/") ? path : undefined;
  }

  #opened(): Promise<Build> {
    return (this.#build ??= this.#around.openBuild(this.#options));
  }
}

function verdictsText(extension: string, verdicts: readonly BaseVerdict[]): string {
  const lines = verdicts.flatMap(({ base, verdict, refusals, findings }) => [
    `${verdict}: ${extension} on ${base}`,
    ...refusals.map((reason) => `  not taken: ${reason}`),
    ...findings.flatMap(({ severity, code, path, package: owner, message, help }) => [
      `  ${severity}: ${code}: ${path}${owner === undefined ? "" : ` of package ${owner}`}: ${message}`,
      `    help: ${help}`,
    ]),
  ]);
  if (verdicts.length > 1) {
    const parts = (["ok", "rebuild", "broken"] as const).map(
      (one) => `${verdicts.filter(({ verdict }) => verdict === one).length} ${one}`,
    );
    lines.push(`${count(verdicts.length, "base")}: ${parts.join(", ")}`);
  }
  return `${lines.join("\n")}\n`;
}
