import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  ALL_WELL,
  commandTable,
  endedBy,
  ENDING_SIGNALS,
  FAILED,
  helpText,
  optionTable,
  NOT_TRIED,
  WRONG_WORDS,
} from "@tsbake/cli";
import { byText } from "@tsbake/base";
import { IMAGE_TYPES } from "@tsbake/image";
import { bbPage } from "../support/bb-page.js";
import { expectGolden } from "../support/golden.js";
import { root } from "../support/paths.js";

const read = (path: string): string => readFileSync(join(root, path), "utf8");

function filesBelow(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => pattern.test(name) && !/(^|\/)(dist|node_modules|__pycache__)\//.test(name))
    .map((name) => join(folder, name));
}

const metadata = [...filesBelow("conf", /\.conf$/), ...filesBelow("classes", /\.bbclass$/)]
  .map(read)
  .join("\n");

/** What the first cells of the tables name, in code type: variables, and flags in brackets. */
function rows(text: string): string[] {
  return [...text.matchAll(/^\| (`(?:\\\||[^|])*`) \|/gm)].flatMap((row) =>
    [...row[1]!.matchAll(/`([^`]+)`/g)].map((name) => name[1]!),
  );
}

describe("docs/variables.md", () => {
  const documented = rows(read("docs/variables.md"));
  const variables = new Set(
    documented.map((name) => name.replace(/\[.*$/, "")).filter((name) => name !== ""),
  );
  const flags = documented.filter((name) => name.startsWith("["));

  test("has a row for every variable that the core layer assigns", () => {
    const assignments =
      /^(?:export +)?([A-Z][A-Z0-9_]*)(?:\[[^\]]+\])?(?::[^\s=]+)? *(?:\?\??|:|\+|\.)?=(?:[.+])?/gm;
    const assigned = new Set([...metadata.matchAll(assignments)].map((match) => match[1]!));
    // Names that end in a layer's own name have a row without it.
    const names = [...assigned].map((name) => name.replace(/_core$/, ""));
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name) => !variables.has(name))).toEqual([]);
  });

  test("names only variables that some file mentions", () => {
    const all = [
      metadata,
      ...filesBelow("recipes", /\.(bb|bbappend)$/).map(read),
      ...filesBelow("packages", /(\/src\/.*\.ts|\/lib\/.*\.py)$/).map(read),
    ].join("\n");
    const mentioned = new Set(all.match(/[A-Za-z][A-Za-z0-9_]*/g));
    const isMentioned = (name: string): boolean =>
      mentioned.has(name) || mentioned.has(`${name}_core`) || mentioned.has(`${name}_`);
    const inCapitals = [...variables].filter((name) => /^[A-Z]/.test(name));
    expect(inCapitals.filter((name) => !isMentioned(name))).toEqual([]);
  });

  test("has a row for every flag of a task in the core layer, and only flags that something reads", () => {
    const used = [...metadata.matchAll(/^do_\w+\[([\w-]+)\]/gm)].map((match) => `[${match[1]!}]`);
    expect(used.filter((flag) => !flags.includes(flag))).toEqual([]);
    const code = filesBelow("packages", /\/src\/.*\.ts$/)
      .map(read)
      .join("\n");
    expect(flags.filter((flag) => !code.includes(`"${flag.slice(1, -1)}"`))).toEqual([]);
  });

  test("has no row twice", () => {
    expect(documented.filter((name, index) => documented.indexOf(name) !== index)).toEqual([]);
  });
});

describe("defaults in docs/variables.md", () => {
  interface Assignment {
    readonly operator: string;
    readonly value: string;
    /** `NAME:override = …`: a default only where the page names its case. */
    readonly isOverride: boolean;
  }

  /** What the core layer assigns to each variable, but for operators that add to it. */
  const assigned = new Map<string, Assignment[]>();
  const assignment = /^(?:export +)?([A-Z][A-Z0-9_]*)(:[^\s=]+)? *(\?\?=|\?=|=) *(["'])(.*)\4$/gm;
  for (const [, name, override, operator, , value] of metadata.replaceAll("\\\n", "").matchAll(assignment)) {
    const all = assigned.get(name!) ?? [];
    assigned.set(name!, [...all, { operator: operator!, value: value!, isOverride: override !== undefined }]);
  }

  /** A part of the cell that is a value, not prose: `*set*: X`, ``images `X` ``, `empty`. */
  const part =
    /^(\*set\*: )?(?:(?:images|extensions|confexts|feed recipes|images, feed recipes and `native`|`native`|with `native`:) )?(?:`([^`]+)`|(empty)(?:: .*)?)(?:, exported)?$/;
  const documented = [
    ...read("docs/variables.md")
      .split("## Task flags")[0]!
      .matchAll(/^\| ((?:`[^`]*`(?:, )?)+) \| ((?:\\\||[^|])*) \|/gm),
  ]
    .flatMap(([, names, cell]) =>
      [...names!.matchAll(/`([A-Z][A-Z0-9_]*)`/g)].map((name) => ({
        name: name[1]!,
        cell: cell!,
        parts: cell!
          .split("; ")
          .map((text) => part.exec(text))
          .map((match) =>
            match === null ? undefined : { isSet: match[1] !== undefined, value: match[2] ?? "" },
          ),
      })),
    )
    .filter(({ name }) => assigned.has(name));

  test("are those of the core layer", () => {
    const wrong = documented.filter(({ name, parts }) =>
      parts.some(
        (one) =>
          one !== undefined &&
          !one.value.includes("…") &&
          !assigned.get(name)!.some(({ value }) => value === one.value),
      ),
    );
    expect(wrong.map(({ name, cell }) => `${name}: ${cell}`)).toEqual([]);
  });

  test("are all that the core layer has, where a row is no prose", () => {
    const plain = documented.filter(({ parts }) =>
      parts.every((one) => one !== undefined && !one.value.includes("…")),
    );
    expect(plain.length).toBeGreaterThan(130);
    const missing = plain.flatMap(({ name, parts }) =>
      assigned
        .get(name)!
        .filter(({ value, isOverride }) => !isOverride && !parts.some((one) => one!.value === value))
        .map(({ operator, value }) => `${name} ${operator} "${value}"`),
    );
    expect(missing).toEqual([]);
  });

  test("say which are set with `=`", () => {
    const wrong = documented.filter(({ name, cell, parts }) => {
      if (cell.startsWith("none")) return false;
      const found = assigned.get(name)!.filter(({ isOverride }) => !isOverride);
      const first = found.find(({ value }) => value === parts[0]?.value) ?? found[0];
      return first !== undefined && cell.startsWith("*set*") !== (first.operator === "=");
    });
    expect(wrong.map(({ name, cell }) => `${name}: ${cell}`)).toEqual([]);
  });
});

describe("docs/manual.md", () => {
  test.each(commandTable.map(({ words }) => words.join(" ")))("describes the command %s", (name) => {
    const reference = read("docs/manual.md").split("## Command line reference")[1] ?? "";
    expect(rows(reference).some((cell) => cell.startsWith(name))).toBe(true);
  });

  test.each(optionTable.map(({ short, long }) => ({ short, long })))(
    "describes --$long in the command line reference",
    ({ short, long }) => {
      const reference = read("docs/manual.md").split("## Command line reference")[1] ?? "";
      expect(rows(reference).join(" ")).toContain(short === undefined ? `--${long}` : `-${short}, --${long}`);
    },
  );
});

describe("exit codes", () => {
  test("are those of the manual's table, and made in one place", () => {
    const table = /\| Exit code \| Meaning \|\n\|[-|]+\n((?:\|.*\n)+)/.exec(read("docs/manual.md"))![1]!;
    const told = [...table.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
    const withoutResult = Number(/NO_RESULT = (\d+)/.exec(read("scripts/start.js"))![1]);
    const made = [ALL_WELL, FAILED, WRONG_WORDS, NOT_TRIED, withoutResult, ...ENDING_SIGNALS.map(endedBy)];
    expect(told).toEqual(made.toSorted((left, right) => left - right));
    const helped = [.../^Exit code: (.*)$/m.exec(helpText())![1]!.matchAll(/\b\d+\b/g)].map(Number);
    expect(helped).toEqual(told.filter((code) => code !== withoutResult));
    const others = filesBelow("packages/cli/src", /\.ts$/).filter(
      (path) => !path.endsWith("/exit-code.ts") && /\b(exit\(|exitCode = )\d|\b128 \+/.test(read(path)),
    );
    expect(others).toEqual([]);
    // By the numbers of signals, whoever has ended.
    const sums = filesBelow("packages", /\/src\/.*\.ts$/).filter((path) =>
      /128 \+ constants/.test(read(path)),
    );
    expect(sums.map((path) => path.split("/").slice(1).join("/"))).toEqual([
      "base/src/process/process.ts",
      "cli/src/process/exit-code.ts",
    ]);
  });
});

describe("docs/bb.md", () => {
  test("has the names that metadata finds in bb", () => {
    expectGolden(join(root, "docs/bb.md"), bbPage());
  });
});

describe("types of images", () => {
  const image = read("classes/image.bbclass");
  const types = /^IMAGE_TYPES = "(.*)"$/m.exec(image)![1]!.split(" ");
  const tasks = [...new Set(types.map((type) => `do_image_${type.split(".")[0]!}`))];

  test("are the same in the class, in the converters and in the manual", () => {
    expect(types.toSorted(byText)).toEqual(IMAGE_TYPES.toSorted(byText));
    const row = /^\| .* \| one a word of `IMAGE_FSTYPES`: (.*) \|$/m.exec(read("docs/manual.md"))![1]!;
    expect(row).toBe(types.map((type) => `\`${type}\``).join(", "));
  });

  test.each(tasks)("%s has a function, and makes and restores the folder of each of its types", (task) => {
    expect(image).toMatch(new RegExp(`^${task}\\(\\) \\{$`, "m"));
    for (const flag of ["cleandirs", "sstate-plaindirs"]) {
      const folders = new RegExp(`^${task}\\[${flag}\\] = "(.*)"$`, "m").exec(image)![1]!.split(" ");
      const own = types.filter((type) => `do_image_${type.split(".")[0]!}` === task);
      expect(folders).toEqual(expect.arrayContaining(own.map((type) => `\${IMAGE_OUTPUT}/${type}`)));
    }
  });

  test("that systemd-sysext takes are types", () => {
    const raw = /SYSEXT_RAW_TYPE = .* in \(([^)]*)\)\)/.exec(read("classes/image-sysext.bbclass"))![1]!;
    const names = [...raw.matchAll(/'([^']+)'/g)].map((match) => match[1]!);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !types.includes(name))).toEqual([]);
  });
});

describe("each problems.ts", () => {
  test.each(filesBelow("packages", /\/src\/problems\.ts$/))("%s is in the order of its codes", (path) => {
    const codes = [...read(path).matchAll(/^ {4,}code: "([^"]+)"/gm)].map((match) => match[1]!);
    expect(codes).toEqual(codes.toSorted(byText));
  });
});

describe("the table of faults in docs/internals.md", () => {
  const named = [
    ...read("docs/internals.md").matchAll(/`((?:unit|e2e|contract|golden)\/[\w-]+)`: "([^"]+)"/g),
  ].map((match) => [match[1]!, match[2]!] as const);

  test.each(named)("%s has the test `%s`", (file, title) => {
    expect(read(`tests/${file}.test.ts`)).toContain(title);
  });
});

describe("the words in docs/internals.md", () => {
  const words = [
    ...read("docs/internals.md").matchAll(/^\| ([^|`]+) \| .* \| `(\w+)` in `([\w./-]+\.ts)` \|$/gm),
  ].map(([, word, type, file]) => [word!, type!, file!] as const);

  test.each(words)("%s: %s is declared in packages/%s", (_word, type, file) => {
    expect(read(join("packages", file))).toMatch(
      new RegExp(`^export (?:abstract )?(?:class|interface|type) ${type}\\b`, "m"),
    );
  });

  test("are each there once, with a type of its own", () => {
    expect(words.length).toBeGreaterThan(40);
    expect(new Set(words.map(([word]) => word)).size).toBe(words.length);
    expect(new Set(words.map(([, type]) => type)).size).toBe(words.length);
  });

  test("a type's name, and a function's, is exported by one file only, whatever the room", () => {
    const sources = readdirSync(join(root, "packages")).flatMap((name) =>
      existsSync(join(root, "packages", name, "src")) ? filesBelow(`packages/${name}/src`, /\.ts$/) : [],
    );
    const several = (pattern: RegExp, files: readonly string[]) => {
      const declared = new Map<string, string[]>();
      for (const file of files)
        for (const [, name] of read(file).matchAll(pattern))
          declared.set(name!, [...(declared.get(name!) ?? []), file]);
      return [...declared].filter(([, where]) => where.length > 1);
    };
    expect(several(/^export (?:abstract )?(?:class|interface|type) (\w+)/gm, sources)).toEqual([]);
    // Of problems each room has its own: `problems.badArgument`.
    const others = sources.filter((file) => !/\/problems(-\w+)?\.ts$/.test(file));
    expect(several(/^export (?:async )?function\*? (\w+)/gm, others)).toEqual([]);
  });
});

describe("CONTRIBUTING.md", () => {
  const page = read("CONTRIBUTING.md");
  const tests = filesBelow("tests", /\.test\.ts$/);

  test("names paths that exist", () => {
    const paths = [...page.matchAll(/`([\w.-]*[\w-]\/[\w./-]+\.\w+)`/g)].map((match) => match[1]!);
    expect(paths.length).toBeGreaterThan(60);
    const missing = paths.filter(
      (path) => !["", "packages"].some((folder) => existsSync(join(root, folder, path))),
    );
    expect(missing).toEqual([]);
  });

  test("has a row for twenty usual changes and more, each with pages and tests", () => {
    const table = page.split("\n| Change | Decides | Works | Docs | Test |\n")[1]!.split("\n\n")[0]!;
    const cells = table
      .split("\n")
      .slice(1)
      .map((row) => row.split("|").map((cell) => cell.trim()));
    expect(cells.length).toBeGreaterThanOrEqual(20);
    const wrong = cells.filter(([, change, decides, works, docs, test]) => {
      const pages = (docs ?? "").split(", ").map((name) => `docs/${name}.md`);
      return !change || !decides || !works || !test || pages.some((one) => !existsSync(join(root, one)));
    });
    expect(wrong).toEqual([]);
  });

  test("names commands that exist, and tests that there are", () => {
    const data: unknown = JSON.parse(read("package.json"));
    const scripts = (data as { readonly scripts: Readonly<Record<string, string>> }).scripts;
    const named = [...page.matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1]!);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
    const patterns = [
      ...page.matchAll(/(?:npm test --|npm run coverage --|npx jest)((?: [a-z][\w-]*\/[\w-]+)+)/g),
    ].flatMap((match) => match[1]!.trim().split(" "));
    expect(patterns.length).toBeGreaterThan(5);
    expect(patterns.filter((pattern) => !tests.some((path) => path.includes(pattern)))).toEqual([]);
  });

  test("names variables that something reads, and that reach the tests", () => {
    const variables = [...page.matchAll(/\b((?:TSBAKE|UPDATE)_[A-Z_]+)=/g)].map((match) => match[1]!);
    expect(variables.length).toBeGreaterThan(2);
    const readers = [
      ...filesBelow("tests", /\.(ts|js)$/),
      ...filesBelow("packages", /\/src\/.*\.ts$/),
      ...filesBelow("scripts", /\.sh$/),
    ]
      .filter((path) => path !== "tests/unit/docs.test.ts")
      .map(read)
      .join("\n");
    expect(variables.filter((name) => !readers.includes(name))).toEqual([]);
    // turbo hands on what it is told to.
    const passed = [
      .../"passThroughEnv": \[([^\]]*)\]/.exec(read("turbo.json"))![1]!.matchAll(/"([^"]+)"/g),
    ].map((match) => new RegExp(`^${match[1]!.replace("*", ".*")}$`));
    expect(variables.filter((name) => !passed.some((pattern) => pattern.test(name)))).toEqual([]);
  });
});

describe("SECURITY.md", () => {
  test("names tests that exist", () => {
    const named = [...read("SECURITY.md").matchAll(/`(tests\/[\w./-]+)`/g)].map((match) => match[1]!);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe("the version of Node.js", () => {
  test("that is pinned is one that package.json takes, and the README names the least", () => {
    const least = /"node": ">=([\d.]+)"/.exec(read("package.json"))![1]!;
    const asNumber = (text: string): number => {
      const [major = 0, minor = 0] = text.split(".").map(Number);
      return major * 1000 + minor;
    };
    expect(asNumber(read(".node-version").trim())).toBeGreaterThanOrEqual(asNumber(least));
    for (const page of ["README.md", "CONTRIBUTING.md"]) expect(read(page)).toContain(`${least} or later`);
  });
});

describe("docs/language.md", () => {
  const page = read("docs/language.md");
  const rules = [...page.matchAll(/^\| (\d+\.\d+) \|/gm)].map((match) => match[1]!);
  const sections = [...page.matchAll(/^## (\d+)\. /gm)].map((match) => match[1]!);
  const sources = [
    ...filesBelow("packages", /(\/src\/.*\.ts|\/lib\/.*\.py)$/),
    ...filesBelow("tests", /\.(ts|py|txt|md)$/),
    ...filesBelow("docs", /\.md$/),
    ...filesBelow("classes", /\.bbclass$/),
    ...filesBelow("conf", /\.conf$/),
  ].filter((path) => path !== "tests/unit/docs.test.ts" && path !== "docs/language.md");

  test("numbers its rules in order, each below the heading of its section", () => {
    const wrong: string[] = [];
    let [section, rule] = [0, 0];
    for (const line of page.split("\n")) {
      const heading = /^## (\d+)\. /.exec(line);
      const row = /^\| (\d+)\.(\d+) \|/.exec(line);
      if (heading !== null) {
        if (Number(heading[1]) !== section + 1) wrong.push(line);
        [section, rule] = [section + 1, 0];
      } else if (row !== null) {
        if (Number(row[1]) !== section || Number(row[2]) <= rule) wrong.push(line);
        rule = Number(row[2]);
      }
    }
    expect(wrong).toEqual([]);
    expect(rules.length).toBeGreaterThan(150);
  });

  test("refers only to rules that it has", () => {
    // `(4.2)` and `(4.2, 5.1)` in its own text.
    const named = [...page.matchAll(/\((\d+(?:\.\d+)?(?:, \d+(?:\.\d+)?)*)\)/g)].flatMap((match) =>
      match[1]!.split(", "),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !rules.includes(name) && !sections.includes(name))).toEqual([]);
  });

  test("has every rule that is cited, and is cited by number", () => {
    const number = String.raw`\d+(?:\.\d+)?`;
    const citation = new RegExp(
      String.raw`docs/language\.md(?: (${number}(?:(?:, | and | to )${number})*))?`,
      "g",
    );
    const cited = sources.flatMap((path) =>
      // A comment may be broken within a citation.
      [
        ...read(path)
          .replace(/\n[ *#]*/g, " ")
          .matchAll(citation),
      ].flatMap((match) =>
        match[1] === undefined
          ? [`${path}: without a number`]
          : match[1]
              .split(/, | and | to /)
              .filter((name) => !rules.includes(name) && !sections.includes(name))
              .map((name) => `${path}: ${name}`),
      ),
    );
    expect(cited).toEqual([]);
    const citing = sources.filter((path) => read(path).includes("docs/language.md"));
    expect(citing.length).toBeGreaterThan(25);
  });

  test("is the only paper that code cites", () => {
    const others = sources.filter((path) =>
      /\binventory\b|\b[Ss]ections? \d+\.\d+|\([LESM]\d{1,2}\)/.test(read(path)),
    );
    expect(others).toEqual([]);
  });

  test("names problems that exist", () => {
    const section = page.split("## 26. Mistakes\n")[1]!;
    const codes = [...section.matchAll(/`([a-z]+\/[a-z-]+)`/g)].map((match) => match[1]!);
    expect(codes.length).toBeGreaterThan(20);
    const known = [...read("docs/problems.md").matchAll(/^## (\S+)$/gm)].map((match) => match[1]!);
    expect(codes.filter((code) => !known.includes(code))).toEqual([]);
  });
});

describe("the events of --ui json", () => {
  const section = read("docs/manual.md").split("## Events for programs")[1]!.split("\n## ")[0]!;
  const sources = [
    "packages/run/src/events.ts",
    "packages/engine/src/events.ts",
    "packages/cli/src/events/json-lines.ts",
  ]
    .map(read)
    .join("\n");
  const types = [...sources.matchAll(/\btype: "([a-z-]+)"/g)].map((match) => match[1]!);

  test.each([...new Set([...types, "outputs", "answer"])])("%s is described", (type) => {
    expect(rows(section)).toContain(type);
  });

  test("each word that a field can be stands in the row of its event", () => {
    const aliases = new Map(
      [...sources.matchAll(/^export type (\w+) = ("[a-z-]+"(?: \| "[a-z-]+")+);$/gm)].map(
        ([, name, union]) => [name!, union!] as const,
      ),
    );
    let type = "";
    let words = 0;
    const missing: string[] = [];
    for (const [, field, value] of sources.matchAll(/^ {2}readonly (\w+)\??: (.*);$/gm)) {
      if (field === "type") type = value!.replaceAll('"', "");
      const union = aliases.get(value!) ?? value!;
      if (!/^"[a-z-]+"(?: \| "[a-z-]+")+$/.test(union)) continue;
      const row = section.split("\n").find((line) => line.startsWith(`| \`${type}\``)) ?? "";
      for (const [, word] of union.matchAll(/"([a-z-]+)"/g)) {
        words++;
        if (!row.includes(`\`${word}\``)) missing.push(`${type}.${field}: ${word}`);
      }
    }
    expect(words).toBeGreaterThan(15);
    expect(missing).toEqual([]);
  });

  test("their fields are described by name", () => {
    const fields = [...sources.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1]!);
    expect(fields.length).toBeGreaterThan(30);
    expect(fields.filter((field) => !section.includes(`\`${field}\``))).toEqual([]);
  });
});

describe("links", () => {
  /** As GitHub makes the anchor of a heading. */
  const anchorOf = (heading: string): string =>
    heading
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
  const anchors = (path: string): string[] =>
    [...read(path).matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1]!));
  const pages = [
    ...filesBelow("docs", /\.md$/),
    ...readdirSync(root).filter((name) => name.endsWith(".md")),
    "bench/README.md",
    "tests/golden/README.md",
  ];

  test.each(pages)("of %s lead somewhere", (page) => {
    const prose = read(page)
      .replace(/^```[\s\S]*?^```/gm, "")
      .replace(/`[^`\n]*`/g, "");
    const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1]!)
      .filter((target) => !/^[a-z]+:/.test(target));
    const broken = targets.filter((target) => {
      const [file = "", anchor] = target.split("#");
      const path = file === "" ? page : join(dirname(page), file);
      if (!existsSync(join(root, path))) return true;
      return anchor !== undefined && !anchors(path).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

describe("errors that pages show", () => {
  const shown = ["README.md", ...filesBelow("docs", /\.md$/)].flatMap((page) =>
    [
      ...read(page).matchAll(
        /^(?: {2}\| )?(?:error|warning)\[(\w+)\/([\w-]+)\]: (.*)(?:\n(?: {2}\| )?help: (.*))?/gm,
      ),
    ].map(([, room, code, message, help]) => ({ page, room: room!, code: code!, message: message!, help })),
  );

  test("are some", () => {
    expect(shown.length).toBeGreaterThan(5);
  });

  test.each(shown)("$page: $room/$code has the words of the code", ({ room, code, message, help }) => {
    const problem = filesBelow(`packages/${room}/src`, /(^|\/)problems(-\w+)?\.ts$/)
      .flatMap((file) => read(file).split(/^}$/m))
      .filter((text) => text.includes(`"${room}/${code}"`))
      .join("\n");
    const texts = literalsOf(problem);
    for (const one of [message, help]) {
      if (one === undefined) continue;
      expect(texts.some((pattern) => pattern.test(one)) ? "" : one).toBe("");
    }
  });
});

/** Each text of a piece of code as a pattern of what it may become. */
function literalsOf(code: string): RegExp[] {
  const patterns: RegExp[] = [];
  const token = /\/\*[^]*?\*\/|\/\/.*|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`/g;
  for (let found = token.exec(code); found; found = token.exec(code)) {
    const plain = found[1] ?? found[2];
    if (plain !== undefined) patterns.push(patternOf([plain]));
    if (found[0] !== "`") continue;
    const parts: string[] = [];
    let part = "";
    let at = token.lastIndex;
    for (; code[at] !== "`"; at++) {
      if (code[at] === "\\") part += code[++at];
      else if (code.startsWith("${", at)) {
        parts.push(part);
        part = "";
        at = endOfPlace(code, at + 2);
      } else part += code[at];
    }
    token.lastIndex = at + 1;
    patterns.push(patternOf([...parts, part]));
  }
  return patterns;
}

/** Where the brace is that ends what is put into a template; there may be texts in it. */
function endOfPlace(code: string, from: number): number {
  let depth = 1;
  let at = from;
  for (; depth > 0; at++) depth += code[at] === "{" ? 1 : code[at] === "}" ? -1 : 0;
  return at - 1;
}

/** @param parts between which anything may stand; a text that is joined with another one may be a part only */
function patternOf(parts: readonly string[]): RegExp {
  const words = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const isLong = parts.join("").length >= 12;
  return isLong ? new RegExp(words.join(".*")) : /(?!)/;
}
