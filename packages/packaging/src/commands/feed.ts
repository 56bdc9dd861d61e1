/** `feed-fetch` and `feed-unpack`: packages of the archive, from a solved closure to a tree. */
import { BuildError } from "@tsbake/base";
import type { Command } from "@tsbake/base/program";
import { readClosure } from "../feed/closure.js";
import { downloadClosure } from "../feed/download.js";
import { hostArchitecture } from "../feed/feed.js";
import { unpackFeed } from "../feed/unpack.js";
import { badArgument } from "../problems.js";

const CLOSURE = { value: "FILE", help: "the packages, as the engine solved them", isRequired: true };
const POOL = { value: "DIR", help: "where package files are kept", isRequired: true };

export const feedFetch: Command = {
  summary: "downloads the packages of a closure that the pool lacks, verified by SHA-256",
  options: { closure: CLOSURE, pool: POOL },
  async run(args, say) {
    let last = "";
    await downloadClosure(await readClosure(args.text("closure")), args.text("pool"), {
      onProgress: (text) => {
        if (text !== last) say(`${text} downloaded`);
        last = text;
      },
    });
  },
};

export const feedUnpack: Command = {
  summary: "unpacks a closure into one tree: tools to run (native) or a sysroot to compile against (target)",
  options: {
    closure: CLOSURE,
    pool: POOL,
    into: { value: "DIR", help: "an empty folder", isRequired: true },
    kind: { value: "native|target", help: "what the tree is for", isRequired: true },
    links: { value: "PATH:TARGET…", help: "links to make, as update-alternatives would" },
    exclude: { value: "PATTERN…", help: "paths to leave out, e.g. usr/bin/*-dump" },
    architecture: { value: "NAME", help: "Debian's word; default: this machine's" },
  },
  async run(args, say) {
    const kind = args.text("kind");
    if (kind !== "native" && kind !== "target") throw new BuildError([badArgument(`--kind is \`${kind}\``)]);
    const closure = await readClosure(args.text("closure"));
    const wrapped = await unpackFeed({
      closure,
      pool: args.text("pool"),
      into: args.text("into"),
      kind,
      links: new Map(args.words("links").map(linkOf)),
      exclude: args.words("exclude"),
      architecture: args.optional("architecture") ?? (await hostArchitecture()),
      onProgress: say,
    });
    say(
      `unpacked ${closure.packages.length} packages${kind === "native" ? `, wrapped ${wrapped} programs` : ""}`,
    );
  },
};

function linkOf(text: string): [string, string] {
  const match = /^([A-Za-z0-9][^:]*):([^:]+)$/.exec(text);
  if (!match || text.split(/[:/]/).includes(".."))
    throw new BuildError([badArgument(`--links has \`${text}\``)]);
  return [match[1] ?? "", match[2] ?? ""];
}
