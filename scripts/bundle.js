// Makes one file of each program, and files that programs share, from what the compiler wrote: a start then reads three files
// instead of two hundred, which is most of what a short task costs. The same code runs, from the same folders: a path that a
// module makes of `import.meta.url` stays what it is.
//
//   node scripts/bundle.js        packages/<p>/dist/main.js becomes node_modules/.tsbake-programs/<p>.js
//                                 packages/<p>/dist/…/<n>, which another module starts, becomes …/<n>
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { build } from "esbuild";

const OUT = resolve("node_modules/.tsbake-programs");
/** Files of earlier bundles stay so long, in ms: a build that runs meanwhile may not have loaded all of them yet. */
const KEEP_MS = 7 * 24 * 3600_000;

/** What runs in processes, or threads, of its own and is no `main.js`: `new URL("<n>", import.meta.url)` in the module beside it. */
const CHILDREN = [
  "packages/cli/dist/display/pulse-thread.js",
  "packages/run/dist/processes/launcher-process.js",
  "packages/python/dist/task/task-child.js",
];

const programs = [
  ...readdirSync("packages")
    .map((name) => ({ in: join("packages", name, "dist/main.js"), out: name }))
    .filter((one) => existsSync(one.in)),
  ...CHILDREN.map((path) => ({ in: path, out: basename(path, ".js") })),
];

/** Modules look for files beside themselves, which are where they were, but for programs, which are in the bundle. */
const ownPlaces = {
  name: "own-places",
  setup({ onLoad }) {
    onLoad({ filter: /\.m?js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      if (!text.includes("import.meta.url")) return undefined;
      const place = `(new URL(${JSON.stringify(relative(OUT, path))}, import.meta.url).href)`;
      const contents = text.replaceAll(
        /(new URL\("([\w-]+\.js)", )?import\.meta\.url/g,
        (found, start, child) =>
          CHILDREN.some((one) => basename(one) === child) ? found : `${start ?? ""}${place}`,
      );
      return { contents, loader: "js" };
    });
  },
};

const { outputFiles } = await build({
  entryPoints: programs,
  outdir: OUT,
  write: false,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: true,
  sourcesContent: false,
  legalComments: "none",
  // It loads files of its own; and what a library may have and does not need.
  external: [
    "pyodide",
    "libsql",
    "pg-native",
    "bufferutil",
    "utf-8-validate",
    "xmlbuilder2",
    "ajv",
    "ajv-formats",
    "ajv-formats-draft2019",
    "libxmljs2",
  ],
  define: { TSBAKE_IS_BUNDLED: "true" },
  // For libraries that are CommonJS.
  banner: {
    js: 'import { createRequire as ownRequire } from "node:module"; const require = ownRequire(import.meta.url);',
  },
  plugins: [ownPlaces],
  logLevel: "warning",
});

mkdirSync(OUT, { recursive: true });
// Without it Node.js reads each file twice: as CommonJS first, to find out that it is none.
const KIND = "package.json";
writeFileSync(join(OUT, KIND), '{ "type": "module" }\n');
const isEntry = ({ path }) => programs.some(({ out }) => path === join(OUT, `${out}.js`));
// A program appears when all that it loads is there, and as a whole.
for (const file of [...outputFiles.filter((one) => !isEntry(one)), ...outputFiles.filter(isEntry)]) {
  writeFileSync(`${file.path}.new`, file.contents);
  renameSync(`${file.path}.new`, file.path);
}
const made = new Set([KIND, ...outputFiles.map(({ path }) => basename(path))]);
for (const name of readdirSync(OUT)) {
  const path = join(OUT, name);
  if (!made.has(name) && Date.now() - statSync(path).mtimeMs > KEEP_MS) rmSync(path);
}
