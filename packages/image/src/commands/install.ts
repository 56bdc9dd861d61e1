/** `rootfs` and `layer`: packages into a root. */
import type { Arguments } from "@tsbake/base/program";
import {
  FEATURES,
  installBase,
  installExtension,
  installOnTemplate,
  SCRIPT_POLICIES,
  writeStackedTree,
  type InstallOptions,
} from "../install/index.js";
import { oneOf } from "./one-of.js";
import { debWish, openBackend } from "@tsbake/packaging";
import { recipePackageFolders } from "../facts/recipe-packages.js";
import { snapshotFolder } from "../snapshot/archive.js";
import { anyOf } from "../rules/rules.js";
import { type Command, EPOCH } from "@tsbake/base/program";

const BACKEND = {
  backend: { value: "NAME", help: "the format of packages, e.g. deb", isRequired: true },
} as const;

const OPTIONS = {
  ...BACKEND,
  install: {
    value: "NAMES",
    help: "packages to install, from recipes and from the archive",
    isRequired: true,
  },
  closure: { value: "FILE", help: "packages of the archive, solved by the engine" },
  pool: { value: "DIR", help: "where package files of the archive are kept", isRequired: true },
  packages: { value: "DIRS", help: "folders with package files of recipes" },
  indexes: { value: "FILE", help: "indexes of feeds of the format's own, written by the engine" },
  taskdepdata: { value: "FILE", help: "use only the folders of --packages that belong to recipes in it" },
  architecture: { value: "NAME", help: "the distribution's word, e.g. amd64", isRequired: true },
  distro: { value: "NAME", help: "DISTRO, recorded in the snapshot", isRequired: true },
  "allow-private-keys": { value: "PATTERNS", help: "paths where a private key is meant to be" },
  ...EPOCH,
  work: { value: "DIR", help: "a folder to work in", isRequired: true },
  output: { value: "DIR", help: "where the results go", isRequired: true },
} as const;

const WHOLE = {
  features: { value: "WORDS", help: `what the base can do beside its packages: ${FEATURES.join(", ")}` },
} as const;

export const rootfs: Command = {
  summary: "installs packages into an empty root: tar, file manifest, database snapshot",
  options: { ...OPTIONS, ...WHOLE },
  async run(args, say) {
    const facts = await installBase({ ...(await installOptions(args, say)), features: featuresOf(args) });
    say(`installed ${facts.packages.length} packages`);
  },
};

export const template: Command = {
  summary: "installs and removes packages on a copy of a base's tree: a whole image, as `rootfs` makes one",
  options: {
    ...OPTIONS,
    ...WHOLE,
    base: { value: "PATH", help: "the base's snapshot: folder or archive", isRequired: true },
    "base-name": { value: "NAME", help: "the recipe of the base", isRequired: true },
    "base-tree": { value: "FILE", help: "tar of the base's tree", isRequired: true },
    "base-facts": { value: "FILE", help: "packages.json of the base", isRequired: true },
    remove: { value: "NAMES", help: "packages of the base that go" },
    "allow-changed": { value: "NAMES", help: "packages of the base that may come in another version" },
    "may-leave": { value: "WORDS", help: "what removed packages may leave behind: KIND:PATTERN" },
    strict: { help: "what else they leave behind is an error" },
  },
  async run(args, say) {
    const facts = await installOnTemplate({
      ...(await installOptions(args, say)),
      features: featuresOf(args),
      base: await snapshotFolder(args.text("base"), args.text("work")),
      baseName: args.text("base-name"),
      baseTree: args.text("base-tree"),
      baseFacts: args.text("base-facts"),
      remove: args.words("remove").map(debWish),
      allowChanged: args.words("allow-changed").map(debWish),
      mayLeave: args.words("may-leave"),
      isStrict: args.has("strict"),
    });
    const { added = [], removed = [], left = [] } = facts.template ?? {};
    say(`added ${added.length} packages, removed ${removed.length}`);
    for (const one of left) say(`${one.decision}: ${one.path}: ${one.because}`);
  },
};

export const layer: Command = {
  summary: "installs packages on a base's database: only what the base lacks",
  options: {
    ...OPTIONS,
    base: { value: "PATH", help: "the base's snapshot: folder or archive", isRequired: true },
    "allow-changed": { value: "NAMES", help: "packages of the base that may change" },
    "base-tree": {
      value: "FILE",
      help: "tar of the base's tree: maintainer scripts run on it",
    },
    scripts: {
      value: "POLICY",
      help: `what becomes of maintainer scripts: ${SCRIPT_POLICIES.join(", ")}`,
      isRequired: true,
    },
    "snapshot-name": {
      value: "NAME",
      help: "the extension's name: its snapshot is kept, for extensions on it",
    },
    "keep-database": { help: "keeps the database of base and layer beside the results" },
  },
  async run(args, say) {
    const options = await installOptions(args, say);
    const base = await snapshotFolder(args.text("base"), options.work);
    const allowChanged = args.words("allow-changed");
    const keepDatabase = args.has("keep-database");
    const baseTree = args.optional("base-tree");
    const scripts = oneOf("SYSEXT_SCRIPTS", args.text("scripts"), SCRIPT_POLICIES);
    const snapshotName = args.optional("snapshot-name");
    const policies = { allowChanged, keepDatabase, scripts };
    const facts = await installExtension({ ...options, ...policies, base, baseTree, snapshotName });
    say(`added ${facts.packages.length} packages: ${facts.packages.map((one) => one.name).join(" ")}`);
    for (const one of facts.skippedScripts) say(`did not run ${one.script} of ${one.package}`);
  },
};

export const baseTree: Command = {
  summary: "lays an extension over its base's tree, for extensions on it whose scripts run",
  options: {
    ...BACKEND,
    "base-tree": { value: "FILE", help: "tar of the base's tree", isRequired: true },
    tree: { value: "FILE", help: "tar of the layer", isRequired: true },
    files: { value: "FILE", help: "file manifest of the layer", isRequired: true },
    facts: { value: "FILE", help: "packages.json of the layer", isRequired: true },
    snapshot: { value: "DIR", help: "the snapshot of base and layer", isRequired: true },
    ...EPOCH,
    output: { value: "FILE", help: "the tar to write", isRequired: true },
  },
  run: (args) =>
    writeStackedTree({
      backend: args.text("backend"),
      baseTree: args.text("base-tree"),
      tree: args.text("tree"),
      files: args.text("files"),
      facts: args.text("facts"),
      snapshot: args.text("snapshot"),
      epochSeconds: args.epoch("epoch"),
      output: args.text("output"),
    }),
};

function featuresOf(args: Arguments) {
  return args.words("features").map((word) => oneOf("IMAGE_FEATURES", word, FEATURES));
}

async function installOptions(args: Arguments, say: (line: string) => void): Promise<InstallOptions> {
  return {
    backend: openBackend(args.text("backend")),
    // As the recipes' packages are called in the end.
    install: args.words("install").map(debWish),
    closure: args.optional("closure"),
    pool: args.text("pool"),
    packageFolders: await recipePackageFolders(args.words("packages"), args.optional("taskdepdata")),
    indexes: args.optional("indexes"),
    architecture: args.text("architecture"),
    distro: args.text("distro"),
    epochSeconds: args.epoch("epoch"),
    work: args.text("work"),
    output: args.text("output"),
    mayHoldKey: anyOf(args.words("allow-private-keys")),
    onProgress: say,
  };
}
