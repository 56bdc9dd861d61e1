/** The subcommands of `tsbake-fetch`. */
import { BuildError, words } from "@tsbake/base";
import { say, warn, type Arguments, type Command, type OptionSpecs } from "@tsbake/base/program";
import { fetchSource, removeSource, unpackSource } from "./source/fetch.js";
import type { FetchOptions } from "./settings/options.js";
import { applyPatches } from "./patch/apply.js";
import { badArgument, unsupportedPatchTool } from "./problems.js";
import { openProgress } from "./download/progress-lines.js";
import { readSettings } from "./settings/settings.js";

const SOURCES = {
  uri: { value: "URIS", help: "entries of SRC_URI, separated by blanks", isList: true },
  entry: { value: "URI", help: "one entry, as it is", isList: true },
  filespath: { value: "FOLDERS", help: "where file:// is looked for, separated by colons (FILESPATH)" },
  "dl-dir": { value: "FOLDER", help: "downloads (DL_DIR)", isRequired: true },
  sums: {
    value: "FLAG=SUM",
    help: "flags of SRC_URI (`sha256sum`, `name.md5sum`); NAME=SUM is the SHA-256 of the entry with that name, `default` for one without; separated by blanks",
    isList: true,
  },
  revs: {
    value: "NAME=COMMIT",
    help: "revision of the git entry with that name, likewise (SRCREV)",
    isList: true,
  },
  premirrors: { value: "RULES", help: "PREMIRRORS" },
  mirrors: { value: "RULES", help: "MIRRORS" },
  set: {
    value: "VARIABLE=VALUE",
    help: "a variable of the configuration, such as BB_ALLOWED_NETWORKS",
    isList: true,
  },
  env: {
    value: "NAME=VALUE",
    help: "a variable of the environment, such as https_proxy: arguments are for all to see, --options is not",
    isList: true,
  },
  "no-network": { help: "BB_NO_NETWORK: only what is there, and file:// mirrors" },
  "git-destsuffix": { value: "DIR", help: "BB_GIT_DEFAULT_DESTSUFFIX; default: git" },
} as const satisfies OptionSpecs;

export const fetch: Command = {
  summary: "brings sources into DL_DIR",
  options: SOURCES,
  async run(args) {
    const options = optionsOf(args);
    for (const uri of urisOf(args)) say(`${uri} is ${await fetchSource(uri, options)}`);
  },
};

export const unpack: Command = {
  summary: "unpacks sources of DL_DIR",
  options: { ...SOURCES, into: { value: "FOLDER", help: "the work folder", isRequired: true } },
  async run(args) {
    const options = optionsOf(args);
    for (const uri of urisOf(args)) await unpackSource(uri, args.text("into"), options);
  },
};

export const clean: Command = {
  summary: "deletes what was downloaded",
  options: SOURCES,
  async run(args) {
    const options = optionsOf(args);
    for (const uri of urisOf(args)) await removeSource(uri, options);
  },
};

export const patch: Command = {
  summary: "applies the patches among the sources",
  options: {
    ...SOURCES,
    sources: { value: "FOLDER", help: "what is patched (S)", isRequired: true },
    record: {
      value: "FOLDER",
      help: "where is kept what was there before (PATCH_RECORD)",
      isRequired: true,
    },
    tool: { value: "NAME", help: "PATCHTOOL; `patch` and `quilt` do the same" },
    "recipe-version": { value: "TEXT", help: "PV, for minver and maxver" },
    date: { value: "TEXT", help: "SRCDATE, for mindate and maxdate" },
  },
  async run(args) {
    const options = optionsOf(args);
    const tool = args.optional("tool") ?? "patch";
    if (tool !== "patch" && tool !== "quilt") throw new BuildError([unsupportedPatchTool(tool)]);
    const version = args.optional("recipe-version");
    const date = args.optional("date");
    const revision = options.revisions?.["default"];
    await applyPatches(urisOf(args), {
      ...options,
      sources: args.text("sources"),
      record: args.text("record"),
      ...(version && { version }),
      ...(date && { date }),
      ...(revision && { revision }),
      onNote: say,
    });
  },
};

function urisOf(args: Arguments): readonly string[] {
  return [...args.words("uri"), ...args.list("entry")];
}

/** Sets the environment, too. */
function optionsOf(args: Arguments): FetchOptions {
  for (const pair of args.list("env")) {
    const equals = pair.indexOf("=");
    if (equals < 1) throw new BuildError([badArgument("`--env` takes NAME=VALUE")]);
    process.env[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  const destsuffix = args.list("git-destsuffix").at(-1);
  return {
    dlDir: args.text("dl-dir"),
    filespath: (args.optional("filespath") ?? "").split(":").filter((folder) => folder !== ""),
    sums: pairs(args.list("sums")),
    revisions: pairs(args.list("revs")),
    premirrors: args.optional("premirrors") ?? "",
    mirrors: args.optional("mirrors") ?? "",
    network: !args.has("no-network"),
    ...readSettings(args.list("set")),
    onWarning: warn,
    onProgress: openProgress(),
    ...(destsuffix === undefined ? {} : { gitDestsuffix: destsuffix }),
  };
}

/** `name=value` words. */
function pairs(texts: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const word of texts.flatMap((text) => words(text))) {
    const equals = word.indexOf("=");
    if (equals === -1) throw new BuildError([badArgument(`\`${word}\` is not NAME=VALUE`)]);
    found[word.slice(0, equals)] = word.slice(equals + 1);
  }
  return found;
}
