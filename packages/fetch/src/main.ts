#!/usr/bin/env node
/** The program `tsbake-fetch`, which the bodies of do_fetch, do_unpack and do_patch call. */
import { parseArgs } from "node:util";
import {
  BuildError,
  complain,
  messageOf,
  OPTION_FILE_HELP,
  say,
  warn,
  withOptionFiles,
  words,
} from "@tsbake/base";
import { fetchSource, removeSource, unpackSource } from "./fetch.js";
import type { FetchOptions } from "./options.js";
import { applyPatches } from "./patch/apply.js";
import { badArgument, unsupportedPatchTool } from "./problems.js";
import { openProgress } from "./progress-lines.js";
import { readSettings } from "./settings.js";

const HELP = `tsbake-fetch fetch|unpack|patch|clean --OPTION VALUE …

  --uri URIS            entries of SRC_URI, separated by blanks; may be given more than once
  --filespath FOLDERS   where file:// is looked for, separated by colons (FILESPATH)
  --dl-dir FOLDER       downloads (DL_DIR)
  --entry URI           one entry, as it is
  --sums FLAG=SUM       flags of SRC_URI (\`sha256sum\`, \`name.md5sum\`); NAME=SUM is the SHA-256 of the entry with that
                        name, \`default\` for one without; separated by blanks
  --revs NAME=COMMIT    revision of the git entry with that name, likewise (SRCREV)
  --premirrors RULES    PREMIRRORS
  --mirrors RULES       MIRRORS
  --set VARIABLE=VALUE  a variable of the configuration, such as BB_ALLOWED_NETWORKS
  --env NAME=VALUE      a variable of the environment, such as https_proxy: arguments are for all to see, --options is not
  --no-network          BB_NO_NETWORK: only what is there, and file:// mirrors
  --git-destsuffix DIR  BB_GIT_DEFAULT_DESTSUFFIX; default: git
  --into FOLDER         unpack: the work folder
  --sources FOLDER      patch: what is patched (S)
  --record FOLDER       patch: where is kept what was there before (PATCH_RECORD)
  --tool NAME           patch: PATCHTOOL; \`patch\` and \`quilt\` do the same
  --recipe-version TEXT patch: PV, for minver and maxver
  --date TEXT           patch: SRCDATE, for mindate and maxdate

${OPTION_FILE_HELP}`;

const OPTIONS = {
  uri: { type: "string", multiple: true },
  entry: { type: "string", multiple: true },
  set: { type: "string", multiple: true },
  env: { type: "string", multiple: true },
  filespath: { type: "string" },
  "dl-dir": { type: "string" },
  sums: { type: "string", multiple: true },
  revs: { type: "string", multiple: true },
  premirrors: { type: "string" },
  mirrors: { type: "string" },
  "no-network": { type: "boolean" },
  "git-destsuffix": { type: "string" },
  into: { type: "string" },
  sources: { type: "string" },
  record: { type: "string" },
  tool: { type: "string" },
  "recipe-version": { type: "string" },
  date: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = read(argv);
  if (values.help) return say(HELP);
  const [command] = positionals;
  const isKnown = ["fetch", "unpack", "patch", "clean"].includes(command ?? "");
  if (positionals.length !== 1 || !isKnown) {
    throw new BuildError([badArgument("one of `fetch`, `unpack`, `patch` and `clean` is needed")]);
  }
  setEnvironment(values.env ?? []);
  const dlDir = values["dl-dir"] ?? missing("--dl-dir");
  const options: FetchOptions = {
    dlDir,
    filespath: (values.filespath ?? "").split(":").filter((folder) => folder !== ""),
    sums: pairs(values.sums),
    revisions: pairs(values.revs),
    premirrors: values.premirrors ?? "",
    mirrors: values.mirrors ?? "",
    network: !values["no-network"],
    ...readSettings(values.set ?? []),
    onWarning: warn,
    onProgress: openProgress(),
    ...(values["git-destsuffix"] === undefined ? {} : { gitDestsuffix: values["git-destsuffix"] }),
  };
  const into = command === "unpack" ? (values.into ?? missing("--into")) : "";
  const uris = [...(values.uri ?? []).flatMap((one) => words(one)), ...(values.entry ?? [])];
  if (command === "patch") return patch(uris, options, values);
  for (const uri of uris) {
    if (command === "fetch") say(`${uri} is ${await fetchSource(uri, options)}`);
    else if (command === "clean") await removeSource(uri, options);
    else await unpackSource(uri, into, options);
  }
}

async function patch(
  uris: readonly string[],
  options: FetchOptions,
  values: ReturnType<typeof read>["values"],
): Promise<void> {
  const tool = values.tool || "patch";
  if (tool !== "patch" && tool !== "quilt") throw new BuildError([unsupportedPatchTool(tool)]);
  const { "recipe-version": version, date } = values;
  const revision = options.revisions?.["default"];
  await applyPatches(uris, {
    ...options,
    sources: values.sources ?? missing("--sources"),
    record: values.record ?? missing("--record"),
    ...(version && { version }),
    ...(date && { date }),
    ...(revision && { revision }),
    onNote: say,
  });
}

function read(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new BuildError([badArgument(messageOf(error))]);
  }
}

function missing(option: string): never {
  throw new BuildError([badArgument(`${option} is needed`)]);
}

function setEnvironment(pairs: readonly string[]): void {
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 1) throw new BuildError([badArgument("`--env` takes NAME=VALUE")]);
    process.env[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
}

/** `name=value` words. */
function pairs(texts: readonly string[] | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const word of (texts ?? []).flatMap((text) => words(text))) {
    const equals = word.indexOf("=");
    if (equals === -1) throw new BuildError([badArgument(`\`${word}\` is not NAME=VALUE`)]);
    found[word.slice(0, equals)] = word.slice(equals + 1);
  }
  return found;
}

try {
  await main(withOptionFiles(process.argv.slice(2)));
} catch (error) {
  process.exitCode = complain(error);
}
