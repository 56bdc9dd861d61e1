import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate, setTimeout } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import type { PythonHost } from "@tsbake/datastore";
import { parseProject, type ParsedProject, type ParseOptions } from "@tsbake/recipe";
import { editQuietly, QUIET_EDITS } from "../support/quiet-edits.js";
import { LayerRig, LittlePython, parseOptions } from "../support/layers.js";

const ENVIRONMENT = { PATH: "/bin", PWD: "/somewhere" };

/** Parses, and tells which recipes were signed: those that were parsed and not taken from the cache. */
async function run(
  rig: LayerRig,
  more: Partial<ParseOptions> = {},
): Promise<{ project: ParsedProject; signed: string[]; warned: string[] }> {
  const signed = new Set<string>();
  const warned: string[] = [];
  const sign: ParseOptions["signer"]["sign"] = (d, tasks) => {
    signed.add(`${d.getText("PN")}_${d.getText("PV")}`);
    return new Map(tasks.map((task) => [task, task]));
  };
  const onWarning: ParseOptions["onWarning"] = ({ message }) => warned.push(message);
  const options = parseOptions(rig, sign, { environment: ENVIRONMENT, onWarning, ...more });
  const project = await parseProject(options);
  return { project, signed: [...signed], warned };
}

const APP = ["app_1.2", "app-native_1.2", "app-acme_1.2"];
const LIB = ["lib_1.0", "lib_2.0"];
const ALL = [...APP, ...LIB];

/** Every variant, without the project's functions. */
function data(project: ParsedProject): unknown {
  return [...project.recipes.values()];
}

describe("a second run", () => {
  test("sees every change of a recipe, whatever of size, time and inode it keeps", async () => {
    await using rig = new LayerRig("meta-unit");
    const path = rig.path("meta-unit/recipes/lib/lib_2.0.bb");
    const text = readFileSync(path, "utf8");
    await run(rig);
    let edits = 0;
    for (const how of [...QUIET_EDITS, "in place", "in place", "target"] as const) {
      editQuietly(path, how, `${text}EDIT = "${edits++}"\n`, true);
      await setTimeout(120);
      expect([how, (await run(rig)).signed]).toEqual([how, ["lib_2.0"]]);
    }
    expect((await run(rig)).signed).toEqual([]);
  });

  test("right after a change reads the file again, and the third does not write the cache again", async () => {
    await using rig = new LayerRig("meta-unit");
    await run(rig);
    await setTimeout(250);
    const kept = () =>
      readdirSync(join(rig.topdir, "cache")).map((name) => statSync(join(rig.topdir, "cache", name)).ino);
    const first = kept();
    await run(rig);
    const second = kept();
    await run(rig);
    expect(second).not.toEqual(first);
    expect(kept()).toEqual(second);
  });

  test("parses nothing and has the same data", async () => {
    await using rig = new LayerRig("meta-unit");
    const first = await run(rig);
    expect(first.signed).toEqual(ALL);
    const noPython = (): PythonHost => {
      throw new Error("Python was asked for");
    };
    const second = await run(rig, { python: noPython });
    expect(second.signed).toEqual([]);
    expect(data(second.project)).toEqual(data(first.project));
    expect(second.project.layers).toEqual(first.project.layers);
    expect(second.project.statistics).toEqual({ files: 3, cached: 3, skipped: 0, masked: 0 });
    // Cached values need no datastore; the fixture's bitbake.conf names these.
    expect(second.project.configurationText("CACHE")).toBe(join(rig.topdir, "cache"));
    expect(second.project.configurationText("UNIT_ABSENT")).toBeUndefined();
    expect(second.project.configurationText("PREFERRED_VERSION_none")).toBeUndefined();
    expect(second.project.appends(rig.path("meta-unit/recipes/lib/lib_1.0.bb"))).toHaveLength(1);
  });

  test("makes datastores when they are asked for", async () => {
    await using rig = new LayerRig("meta-unit");
    await run(rig);
    const { project } = await run(rig);
    expect(project.configurationText("UNIT_FOLDER")).toBe(rig.path("meta-unit"));
    const app = [...project.recipes.values()].find(({ pn }) => pn === "app-native")!;
    expect(project.openRecipe(app.id).getText("COLOUR")).toBe("grey");
  });

  test("tells the warnings of the first again", async () => {
    await using rig = new LayerRig("meta-unit");
    rig.write("meta-unit/recipes/lib/tight_1.bb", 'A="1"\n');
    const first = await run(rig);
    expect(first.warned).toHaveLength(1);
    expect((await run(rig)).warned).toEqual(first.warned);
  });
});

describe("what is parsed again", () => {
  const unit = (name: string): string => `meta-unit/${name}`;

  test.each<[string, (rig: LayerRig) => void, readonly string[]]>([
    [
      "one recipe when it changes",
      (rig) => rig.write(unit("recipes/lib/lib_2.0.bb"), "# other\n"),
      ["lib_2.0"],
    ],
    ["users of an include that changes", (rig) => rig.write(unit("recipes/app/app.inc"), ""), APP],
    ["users of an include that appears", (rig) => rig.write(unit("recipes/app/app-extra.inc"), ""), APP],
    [
      "users of an include that a file in an earlier place covers",
      (rig) => rig.write("build/app-extra.inc", ""),
      APP,
    ],
    [
      "users of a class that changes",
      (rig) => rig.write(unit("classes/branded.bbclass"), 'PN .= "-x"\n'),
      ["app_1.2", "app-native_1.2", "app-x_1.2"],
    ],
    [
      "users of a class that another covers",
      (rig) => rig.write("build/classes/branded.bbclass", 'PN .= "-y"\n'),
      ["app_1.2", "app-native_1.2", "app-y_1.2"],
    ],
    ["a recipe with a changed append", (rig) => rig.write(unit("appends/lib_1.0.bbappend"), ""), ["lib_1.0"]],
    ["a recipe with a new append", (rig) => rig.write(unit("appends/lib_2.%.bbappend"), ""), ["lib_2.0"]],
    ["a recipe that lost its append", (rig) => rig.remove(unit("appends/lib_1.0.bbappend")), ["lib_1.0"]],
    ["a new recipe", (rig) => rig.write(unit("recipes/lib/new_1.bb"), ""), ["new_1"]],
    [
      "nothing when a recipe goes",
      (rig) => {
        rig.remove(unit("recipes/lib/lib_2.0.bb"));
      },
      [],
    ],
    [
      "everything for a changed configuration",
      (rig) => rig.write("build/conf/local.conf", 'MACHINE = "m"\n'),
      ALL,
    ],
    ["nothing for a changed comment in it", (rig) => rig.write("build/conf/local.conf", "# a comment\n"), []],
    [
      "everything for a changed class of the configuration",
      (rig) => rig.write(unit("classes/base.bbclass"), ""),
      ALL,
    ],
    [
      "nothing when only times change",
      (rig) => {
        for (const name of ["recipes/lib/lib_2.0.bb", "conf/bitbake.conf"])
          utimesSync(rig.path(unit(name)), 1, 1);
      },
      [],
    ],
  ])("%s", async (_, change, expected) => {
    await using rig = new LayerRig("meta-unit");
    await run(rig);
    change(rig);
    const second = await run(rig);
    expect(second.signed).toEqual(expected);
    // What the cache says is what a parse without one says.
    expect(data(second.project)).toEqual(data((await run(rig, { useCache: false })).project));
    expect((await run(rig)).signed).toEqual([]);
  });

  test("users of an include that goes, with an error", async () => {
    await using rig = new LayerRig("meta-unit");
    await run(rig);
    rig.remove("meta-unit/recipes/app/app.inc");
    await expect(run(rig)).rejects.toThrow("app.inc");
  });

  test("a recipe whose checksum file appears", async () => {
    await using rig = new LayerRig("meta-unit");
    const patch = rig.path("some file.patch");
    rig.write(
      "meta-unit/recipes/lib/lib_2.0.bb",
      `do_fetch[file-checksums] = "${patch}:False ${rig.topdir}:True"\n`,
    );
    await run(rig);
    expect((await run(rig)).signed).toEqual([]);
    rig.write("some file.patch", "");
    expect((await run(rig)).signed).toEqual(["lib_2.0"]);
  });

  test("a recipe whose Python code named a file or folder that changed", async () => {
    await using rig = new LayerRig("meta-unit");
    rig.write("meta-unit/recipes/lib/one_1.bb", 'python() {\n    d.setVar("COLOUR", "made")\n}\n');
    rig.write("data/file", "1");
    /** Says with every function that it runs which paths that depends on. */
    class MarkingPython extends LittlePython {
      mark_dependency: (path: string) => void = () => {};
      override execute(...parameters: Parameters<PythonHost["execute"]>): void {
        super.execute(...parameters);
        for (const name of ["data/file", "data", "gone"]) this.mark_dependency(rig.path(name));
      }
    }
    const marked = (): ReturnType<typeof run> => {
      const python = new MarkingPython();
      return run(rig, {
        python: () => python,
        watchFiles: (listener) => (python.mark_dependency = listener),
      });
    };
    await marked();
    expect((await marked()).signed).toEqual([]);
    for (const [name, text] of [
      ["data/file", "2"],
      ["data/other", "appears"],
      ["gone", "appears"],
    ] as const) {
      rig.write(name, text);
      expect((await marked()).signed).toEqual(["one_1"]);
    }
  });

  test("a recipe that says it must not be cached", async () => {
    await using rig = new LayerRig("meta-unit");
    rig.write("meta-unit/recipes/lib/lib_2.0.bb", 'BB_DONT_CACHE = "1"\n');
    await run(rig);
    expect((await run(rig)).signed).toEqual(["lib_2.0"]);
  });

  test.each<[string, Partial<ParseOptions>, readonly string[]]>([
    [
      "nothing for a variable that does not count",
      { environment: { ...ENVIRONMENT, PWD: "/elsewhere" } },
      [],
    ],
    ["nothing for a variable that does not pass", { environment: { ...ENVIRONMENT, TERM: "dumb" } }, []],
    ["everything for one that does", { environment: { ...ENVIRONMENT, PATH: "/usr/bin" } }, ALL],
    ["everything for another setting of the engine", { initial: { TSBAKE_CPUS: "3" } }, ALL],
    ["everything for another program", { cacheKey: "newer" }, ALL],
    ["everything for another signature handler", { signer: { name: "other", sign: () => new Map() } }, ALL],
  ])("%s", async (_, more, expected) => {
    await using rig = new LayerRig("meta-unit");
    await run(rig);
    const { project } = await run(rig, more);
    const parsed = project.statistics.files - project.statistics.cached;
    expect(parsed).toBe(expected.length === 0 ? 0 : 3);
    // The first settings' cache is there still, or the same one.
    expect((await run(rig)).signed.length).toBe("environment" in more ? expected.length : 0);
  });
});

describe("the cache file", () => {
  const cacheFiles = (rig: LayerRig): string[] =>
    readdirSync(join(rig.topdir, "cache")).filter((name) => name.startsWith("recipes."));

  test.each<[string, (text: string) => string]>([
    ["torn", (text) => text.slice(0, text.length / 2)],
    ["empty", () => ""],
    ["of one line", (text) => text.split("\n")[0]!],
    ["changed in one letter", (text) => text.replace("redish", "radish")],
    ["other text", () => "hello\n{}\n"],
  ])("is not believed when it is %s", async (_, damage) => {
    await using rig = new LayerRig("meta-unit");
    const first = await run(rig);
    const path = join(rig.topdir, "cache", cacheFiles(rig)[0]!);
    writeFileSync(path, damage(readFileSync(path, "utf8")));
    const second = await run(rig);
    expect(second.signed).toEqual(ALL);
    expect(second.warned).toEqual([]);
    expect(data(second.project)).toEqual(data(first.project));
    expect((await run(rig)).signed).toEqual([]);
  });

  test("is left alone when nothing changed, and has fresh times when only those did", async () => {
    await using rig = new LayerRig("meta-unit");
    // What has just been written is looked at again in the next run.
    await setTimeout(200);
    await run(rig);
    const path = join(rig.topdir, "cache", cacheFiles(rig)[0]!);
    const before = readFileSync(path, "utf8");
    utimesSync(path, 1, 1);
    await run(rig);
    expect(readFileSync(path, "utf8")).toBe(before);
    utimesSync(rig.path("meta-unit/recipes/lib/lib_2.0.bb"), 1, 1);
    await run(rig);
    expect(readFileSync(path, "utf8")).not.toBe(before);
    expect(readdirSync(join(rig.topdir, "cache"))).toEqual(cacheFiles(rig));
  });

  test("is one of few, however many settings there were", async () => {
    await using rig = new LayerRig("meta-unit");
    for (const key of ["1", "2", "3", "4", "5", "6"]) await run(rig, { cacheKey: key });
    expect(cacheFiles(rig)).toHaveLength(4);
  });

  test("is not written without leave, and a folder that cannot be written is a warning", async () => {
    await using rig = new LayerRig("meta-unit");
    await run(rig, { useCache: false });
    expect(existsSync(join(rig.topdir, "cache"))).toBe(false);
    rig.write("build/cache", "a file where the folder should be");
    const { warned, signed } = await run(rig);
    expect(signed).toEqual(ALL);
    expect(warned).toEqual([expect.stringContaining("could not be written")]);
  });
});

describe("Python that is not open yet", () => {
  /** Throws the signal until it is opened. */
  class ClosedPython extends LittlePython {
    isOpen = false;
    override execute(...parameters: Parameters<PythonHost["execute"]>): void {
      if (!this.isOpen) throw Object.assign(new Error("closed"), { code: "python/needed" });
      super.execute(...parameters);
    }
  }

  test("is opened once, when a recipe needs it, and nothing is told twice", async () => {
    await using rig = new LayerRig("meta-unit");
    for (const name of ["one", "two"]) {
      rig.write(
        `meta-unit/recipes/lib/${name}_1.bb`,
        'A="1"\npython() {\n    d.setVar("COLOUR", "made")\n}\n',
      );
    }
    const python = new ClosedPython();
    let opened = 0;
    const openPython = (): Promise<void> => {
      opened++;
      python.isOpen = true;
      return Promise.resolve();
    };
    const { project, warned } = await run(rig, { python: () => python, openPython });
    expect(opened).toBe(1);
    expect(warned).toHaveLength(2);
    const one = [...project.recipes.values()].find(({ pn }) => pn === "one")!;
    expect(one.facts["COLOUR"]?.value).toBe("made");

    python.isOpen = false;
    const second = await run(rig, { python: () => python, openPython });
    expect(opened).toBe(1);
    expect(() => second.project.openRecipe(one.id)).toThrow("closed");
    await second.project.prepare([one.id]);
    expect(opened).toBe(2);
    expect(second.project.openRecipe(one.id).getText("COLOUR")).toBe("made");
  });

  test("whoever asks while it is being opened waits for the same opening", async () => {
    await using rig = new LayerRig("meta-unit");
    const names = ["one", "two", "three", "four"];
    for (const name of names) {
      rig.write(`meta-unit/recipes/lib/${name}_1.bb`, `python() {\n    d.setVar("COLOUR", "made")\n}\n`);
    }
    const python = new ClosedPython();
    let opened = 0;
    let end: (error?: Error) => void = () => {};
    const openPython = (): Promise<void> => {
      opened++;
      return new Promise((resolve, reject) => {
        end = (error) => {
          if (error) return reject(error);
          python.isOpen = true;
          resolve();
        };
      });
    };
    const parsing = run(rig, { python: () => python, openPython });
    while (opened === 0) await setImmediate();
    end();
    await parsing;

    python.isOpen = false;
    const { project } = await run(rig, { python: () => python, openPython });
    const ids = [...project.recipes.values()].filter(({ pn }) => names.includes(pn)).map(({ id }) => id);
    const all = () => Promise.allSettled(ids.map((id) => project.prepare([id])));
    const failing = all();
    await setImmediate();
    end(new Error("no memory"));
    expect((await failing).map((one) => one.status)).toEqual(names.map(() => "rejected"));
    const preparing = all();
    await setImmediate();
    end();
    expect((await preparing).map((one) => one.status)).toEqual(names.map(() => "fulfilled"));
    expect(opened).toBe(3);
    expect(ids.map((id) => project.openRecipe(id).getText("COLOUR"))).toEqual(names.map(() => "made"));
  });

  test("is an error of its own when nobody can open it", async () => {
    await using rig = new LayerRig("meta-unit");
    rig.write("meta-unit/recipes/lib/one_1.bb", 'python() {\n    d.setVar("A", "b")\n}\n');
    const python = new ClosedPython();
    await expect(run(rig, { python: () => python })).rejects.toThrow("closed");
  });
});
