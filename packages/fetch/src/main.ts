#!/usr/bin/env node
/** The program `tsbake-fetch`, which the bodies of do_fetch and do_unpack call. */
import { parseArgs } from "node:util";
import { BuildError, complain, messageOf, say, warn, words } from "@tsbake/base";
import { fetchSource, removeSource, unpackSource } from "./fetch.js";
import type { FetchOptions } from "./options.js";
import { badArgument } from "./problems.js";
import { openProgress } from "./progress-lines.js";
import { readSettings } from "./settings.js";

const HELP = `tsbake-fetch fetch|unpack|clean --OPTION VALUE …

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
  --no-network          BB_NO_NETWORK: only what is there, and file:// mirrors
  --git-destsuffix DIR  BB_GIT_DEFAULT_DESTSUFFIX; default: git
  --into FOLDER         unpack: the work folder`;

const OPTIONS = {
  uri: { type: "string", multiple: true },
  entry: { type: "string", multiple: true },
  set: { type: "string", multiple: true },
  filespath: { type: "string" },
  "dl-dir": { type: "string" },
  sums: { type: "string", multiple: true },
  revs: { type: "string", multiple: true },
  premirrors: { type: "string" },
  mirrors: { type: "string" },
  "no-network": { type: "boolean" },
  "git-destsuffix": { type: "string" },
  into: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = read(argv);
  if (values.help) return say(HELP);
  const [command] = positionals;
  const isKnown = command === "fetch" || command === "unpack" || command === "clean";
  if (positionals.length !== 1 || !isKnown) {
    throw new BuildError([badArgument("one of `fetch`, `unpack` and `clean` is needed")]);
  }
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
  for (const uri of [...(values.uri ?? []).flatMap((one) => words(one)), ...(values.entry ?? [])]) {
    if (command === "fetch") say(`${uri} is ${await fetchSource(uri, options)}`);
    else if (command === "clean") await removeSource(uri, options);
    else await unpackSource(uri, into, options);
  }
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
  await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = complain(error);
}
