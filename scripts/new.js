/**
 * `npm run new -- room|task-program|problem NAME`: the files and list entries that each of them needs, so that it compiles
 * and the house rules hold. What is the author's to say stands there as TODO.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const HELP = `usage: npm run new -- room NAME           a package: packages/NAME, its test
       npm run new -- task-program ROOM   a program tsbake-ROOM that task bodies call
       npm run new -- problem ROOM/CODE   an error: its function and its entry in docs/problems.md
`;
const WORD = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Where the house stands: the current folder, as npm sets it. */
const root = process.cwd();
const at = (...parts) => join(root, ...parts);
const read = (...parts) => readFileSync(at(...parts), "utf8");

const written = new Set();

class Refusal extends Error {}

function demand(isRight, message) {
  if (!isRight) throw new Refusal(message);
}

/** A file that must not be there yet. */
function create(path, text) {
  demand(!existsSync(at(path)), `${path} is there already`);
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
  written.add(path);
  console.log(`new      ${path}`);
}

function change(path, edit) {
  writeFileSync(at(path), edit(read(path)));
  written.add(path);
  console.log(`changed  ${path}`);
}

const asJson = (edit) => (text) => {
  const value = JSON.parse(text);
  edit(value);
  return `${JSON.stringify(value, null, 2)}\n`;
};

function versionOfHouse() {
  return JSON.parse(read("package.json")).version;
}

function room(name) {
  demand(WORD.test(name ?? ""), "a room's name is one word in small letters, or several with hyphens");
  const version = versionOfHouse();
  create(
    `packages/${name}/package.json`,
    asJson((made) =>
      Object.assign(made, {
        name: `@tsbake/${name}`,
        version,
        private: true,
        type: "module",
        exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" } },
        dependencies: { "@tsbake/base": version },
      }),
    )("{}"),
  );
  create(
    `packages/${name}/tsconfig.json`,
    `{
  "extends": "../../tsconfig.base.json",
  "compilerOptions": { "rootDir": "src", "outDir": "dist", "tsBuildInfoFile": "dist/.tsbuildinfo" },
  "include": ["src"],
  "references": [{ "path": "../base" }]
}
`,
  );
  create(`packages/${name}/turbo.json`, `{ "extends": ["//"], "tags": ["floor-1"] }\n`);
  create(
    `packages/${name}/src/index.ts`,
    `/** TODO: what this room is for, and what it promises. */
export { ${camel(name)} } from "./${name}.js";
`,
  );
  create(
    `packages/${name}/src/${name}.ts`,
    `/** TODO: what it gives, and the errors that it throws. */
export function ${camel(name)}(): string {
  return "${name}";
}
`,
  );
  create(
    `tests/unit/${name}.test.ts`,
    `import { expect, test } from "@jest/globals";
import { ${camel(name)} } from "@tsbake/${name}";

test("TODO: what it does", () => {
  expect(${camel(name)}()).toBe("${name}");
});
`,
  );
  change(
    "tsconfig.json",
    asJson(({ references }) => references.splice(-1, 0, { path: `packages/${name}` })),
  );
  change(
    "tests/tsconfig.json",
    asJson(({ references }) => references.push({ path: `../packages/${name}` })),
  );
  change(
    "tests/package.json",
    asJson(({ dependencies }) => Object.assign(dependencies, { [`@tsbake/${name}`]: version })),
  );
  console.log(`next     its floor in packages/${name}/turbo.json, a line in docs/internals.md; npm install`);
}

function taskProgram(name) {
  demand(existsSync(at(`packages/${name}/src`)), `there is no room packages/${name}`);
  create(
    `packages/${name}/src/main.ts`,
    `#!/usr/bin/env node
/** The program \`tsbake-${name}\`, which the body of TODO calls. */
import { runProgram } from "@tsbake/base/program";
import { badArgument } from "./problems.js";

await runProgram({
  name: "tsbake-${name}",
  commands: { show: async () => (await import("./commands.js")).show },
  refuse: badArgument,
});
`,
  );
  create(
    `packages/${name}/src/commands.ts`,
    `/** The subcommands of \`tsbake-${name}\`. */
import type { Command } from "@tsbake/base/program";

export const show: Command = {
  summary: "TODO",
  options: { name: { value: "TEXT", help: "TODO", isRequired: true } },
  async run(args, say) {
    say(args.text("name"));
  },
};
`,
  );
  problem(
    `${name}/bad-argument`,
    `\`tsbake-${name}\` was called with arguments that make no sense. \`tsbake-${name} --help\` lists its subcommands.`,
    `see \\\`tsbake-${name} --help\\\``,
  );
  change(
    `packages/${name}/package.json`,
    asJson((made) => Object.assign(made, { bin: { [`tsbake-${name}`]: "dist/main.js" } })),
  );
  console.log("next     npm install, which puts it on the PATH of task bodies; the task that calls it");
}

/** @param cure what the page says, @param help what the message says */
function problem(code, cure = "TODO: what is wrong, and the cure.", help = "TODO: the remedy") {
  const [name, short] = (code ?? "").split("/");
  demand(
    WORD.test(short ?? "") && existsSync(at(`packages/${name}/src`)),
    "a code is ROOM/WORD, and the room exists",
  );
  const page = "docs/problems.md";
  demand(!read(page).includes(`\n## ${code}\n`), `${code} is there already`);
  const path = `packages/${name}/src/problems.ts`;
  if (!existsSync(at(path)))
    create(
      path,
      `/** Every problem this room can report, one function each, in the order of their codes. */
import type { Diagnostic } from "@tsbake/base";
`,
    );
  change(path, (text) =>
    inOrder(
      text,
      /^(?:\/\*\*|export function )/m,
      /^ {4}code: "(.+)",$/m,
      code,
      functionOf(code, short, help),
    ),
  );
  change(page, (text) => inOrder(text, /^## /m, /^## (.+)$/m, code, `## ${code}\n\n${cure}\n`));
}

function functionOf(code, short, help) {
  return `export function ${camel(short)}(what: string): Diagnostic {
  return {
    severity: "error",
    code: "${code}",
    message: what,
    help: ${help.includes("`") ? `"${help.replaceAll("\\`", "`")}"` : JSON.stringify(help)},
  };
}
`;
}

/**
 * Puts a piece before the first one whose code comes after it. Pieces are parted by an empty line and begin as `start` says;
 * what has no code belongs to the piece before.
 */
function inOrder(text, start, codeOf, code, piece) {
  const parts = text.split(/\n(?=\n)/);
  const after = parts.findIndex((part) => {
    const body = part.replace(/^\n/, "");
    return start.test(body) && (codeOf.exec(body)?.[1] ?? "") > code;
  });
  const place = after < 0 ? parts.length : after;
  const before = parts.slice(0, place).join("\n").trimEnd();
  const rest = parts.slice(place).join("\n").trimStart();
  return `${before}\n\n${piece}${rest ? `\n${rest}` : ""}`;
}

function camel(name) {
  return name.replace(/-([a-z0-9])/g, (_, letter) => letter.toUpperCase());
}

const KINDS = { room, "task-program": taskProgram, problem };

const [kind, name, ...more] = process.argv.slice(2);
if (!Object.hasOwn(KINDS, kind ?? "") || more.length > 0) {
  process.stderr.write(HELP);
  process.exitCode = 2;
} else
  try {
    KINDS[kind](name);
    execFileSync(at("node_modules/.bin/prettier"), ["--log-level=warn", "--write", ...written], {
      stdio: "inherit",
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`new: ${error.message}\n`);
    process.exitCode = 1;
  }
