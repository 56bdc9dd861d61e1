/**
 * BitBake itself, where TSBAKE_TEST_BITBAKE names a checkout of it: an unmodified one, with the recipes of a test and the layer
 * `fixtures/layers/bitbake-core`.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { RunResult } from "@tsbake/base";
import { run } from "./command.js";
import { root } from "./paths.js";
import { plainEnvironment, temporaryFolder } from "./temporary.js";

const CHECKOUT = process.env["TSBAKE_TEST_BITBAKE"] ?? "";
/** It starts with no other. */
const LOCALE = "en_US.UTF-8";

/** Why BitBake cannot be asked here; python3 is another matter (`tools.ts`). */
export const bitbakeMissing: string | undefined = existsSync(join(CHECKOUT, "bin/bitbake"))
  ? undefined
  : "TSBAKE_TEST_BITBAKE names no checkout of BitBake";

/** @throws Error when the machine has neither the locale nor what it is made of (Debian: locales) */
function localeEnvironment(): Record<string, string> {
  const known = execFileSync("locale", ["-a"], { encoding: "utf8", env: process.env }).split("\n");
  if (known.includes("en_US.utf8")) return { LC_ALL: LOCALE };
  const folder = temporaryFolder("locale");
  execFileSync("localedef", ["-i", "en_US", "-f", "UTF-8", join(folder, LOCALE)], { env: process.env });
  return { LC_ALL: LOCALE, LOCPATH: folder, BB_ENV_PASSTHROUGH_ADDITIONS: "LOCPATH" };
}

let locale: Record<string, string> | undefined;

function environment(more: Readonly<Record<string, string>>): Record<string, string> {
  locale ??= localeEnvironment();
  const path = [join(CHECKOUT, "bin"), process.env["PATH"]].join(delimiter);
  // No server that outlives the command.
  return { ...plainEnvironment(), ...locale, PATH: path, BB_SERVER_TIMEOUT: "0", ...more };
}

/** A build folder of BitBake. */
export class BitBakeProject {
  readonly folder = temporaryFolder("bitbake");
  readonly recipes: readonly string[];

  /** @param recipes their text by name */
  constructor(recipes: Readonly<Record<string, string>>) {
    this.recipes = Object.keys(recipes);
    for (const name of ["conf", "recipes"]) mkdirSync(join(this.folder, name));
    for (const [name, text] of Object.entries(recipes)) this.recipe(name, text);
  }

  recipe(name: string, text: string): void {
    writeFileSync(join(this.folder, "recipes", `${name}.bb`), text);
  }

  /** Everything that it has built, remembered or fetched is gone. */
  forget(): void {
    for (const name of ["tmp", "cache", "sstate-cache", "downloads"])
      rmSync(join(this.folder, name), { recursive: true, force: true });
  }

  /** Builds all recipes. @param settings conf/local.conf */
  async build(settings: string): Promise<BitBakeBuild> {
    writeFileSync(join(this.folder, "conf/local.conf"), settings);
    const core = join(root, "tests/fixtures/layers/bitbake-core");
    const env = environment({ BBPATH: [this.folder, core].join(delimiter) });
    const result = await run("bitbake", this.recipes, { cwd: this.folder, env });
    if (result.code !== 0) throw new Error(`BitBake ended with ${result.code}:\n${result.stdout}`);
    const told = (word: string): string[] =>
      [...result.stdout.matchAll(new RegExp(`^${word} (.*)$`, "gm"))].map(([, what]) => what!).sort();
    return {
      compiled: told("COMPILED"),
      fetched: told("FETCHED"),
      restored: told("RESTORED"),
      warnings: [...result.stdout.matchAll(/^(?:WARNING|ERROR): .*$/gm)].map(([line]) => line),
    };
  }
}

/** What the layer's tasks have told. */
export interface BitBakeBuild {
  readonly compiled: readonly string[];
  /** Paths of objects that came from a mirror. */
  readonly fetched: readonly string[];
  /** Paths of objects that setscene tasks have unpacked. */
  readonly restored: readonly string[];
  readonly warnings: readonly string[];
}

/** Tests of BitBake's own suite. @param name of a class or a case, such as `hashserv.tests.TestHashEquivalenceExternalServer` */
export function bitbakeSelftest(name: string, more: Readonly<Record<string, string>>): Promise<RunResult> {
  return run("python3", ["-W", "ignore", "-m", "unittest", "-v", name], {
    cwd: temporaryFolder("bitbake"),
    env: environment({ ...more, PYTHONPATH: join(CHECKOUT, "lib") }),
  });
}
