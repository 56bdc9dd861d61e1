/**
 * A base root from the feed and an extension on its database, as whoever runs this. Prints one JSON line.
 * Arguments: folder to work in, pool, file with the base's closure, file with the extension's, names of the extension. TREES
 * names how the extension is installed on the base's tree, too: laid out `side-by-side`, `by-dpkg` alone.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { databaseDigest, hostArchitecture, inPool, openDebBackend, readClosure } from "@tsbake/packaging";
import { listRoot, openCage } from "@tsbake/sandbox";
import type { Sandbox } from "@tsbake/sandbox";
import { sha256 } from "@tsbake/base";

const [folder = "", pool = "", baseFile = "", extensionFile = "", ...names] = process.argv.slice(2);

/** Everything about every entry, contents too; folders' sizes are the file system's own business. */
async function picture(sandbox: Sandbox, root: string, isSeen = (_path: string) => true): Promise<string> {
  const entries = (await listRoot(sandbox, root)).filter(({ path }) => isSeen(path));
  const lines = entries.map((one) => {
    const content = one.kind === "file" ? one.sizeBytes : one.target;
    return [one.path, one.kind, one.mode.toString(8), one.uid, one.gid, content, one.mtimeSeconds].join(" ");
  });
  const digests = await sandbox.run("sh", [
    "-c",
    'cd "$1" && find . -xdev -type f -print0 | sort -z | xargs -0 sha256sum',
    "sh",
    root,
  ]);
  const seen = digests.stdout.split("\n").filter((line) => isSeen(line.slice(68)));
  return `${lines.join("\n")}\n${seen.join("\n")}`;
}

await using sandbox = await openCage({
  ownership: join(folder, "ownership"),
  writable: [folder],
  readable: [pool],
});
const backend = openDebBackend();
const [base, extension] = [await readClosure(baseFile), await readClosure(extensionFile)];
const architecture = await hostArchitecture();
const common = { architecture, sandbox, epochSeconds: 1735689600 };
const [root, layer, snapshot] = ["base", "extension", "snapshot"].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];

const installed = await backend.install({
  ...common,
  root,
  install: base.roots,
  sources: [{ folder: pool, packages: inPool(base.packages) }],
});
const identity = await backend.snapshot(root, snapshot);
mkdirSync(layer);
const seenLayer = await sandbox.keepInMemory(layer, backend.databaseFolder);
const imported = await backend.importSnapshot(snapshot, seenLayer, identity);
const added = await backend.installOnDatabase({
  ...common,
  root: layer,
  seenRoot: seenLayer,
  base: imported,
  install: names,
  sources: [{ folder: pool, packages: inPool(extension.packages) }],
});
const pictures = [await picture(sandbox, root), await picture(sandbox, layer)];
pictures.forEach((text, index) => writeFileSync(join(folder, `picture-${index}.txt`), text));

/** What an installation on the whole tree comes to. Files of dpkg have the order in which it did things. */
async function onTree(name: string, isSideBySide: boolean): Promise<{ picture: string; database: string }> {
  const tree = join(folder, name);
  await sandbox.run("cp", ["-a", root, tree]);
  const inRoot = (await listRoot(sandbox, tree)).flatMap(({ path, kind, mode, uid, gid }) =>
    kind === "socket" ? [] : [{ path: `/${path}`, kind, mode, uid, gid }],
  );
  const { database } = await backend.installOnTree({
    ...common,
    root: tree,
    seenRoot: tree,
    base: await backend.readDatabase(tree),
    ...(isSideBySide && { inRoot }),
    install: names,
    sources: [{ folder: pool, packages: inPool(extension.packages) }],
  });
  const text = await picture(sandbox, tree, (path) => !path.startsWith("var/lib/dpkg"));
  writeFileSync(join(folder, `${name}.txt`), text);
  return { picture: sha256(text), database: databaseDigest(database) };
}
const trees = [];
for (const name of process.env["TREES"]?.split(" ").filter(Boolean) ?? [])
  trees.push(await onTree(name, name === "side-by-side"));

await sandbox.attach(root);
const works = await sandbox.run("chroot", [root, "bash", "-c", "dpkg --audit && echo fine"]);

const result = {
  isFake: sandbox.isFake,
  trees,
  identity,
  pictures: pictures.map((text) => sha256(text)),
  states: [...new Set(installed.database.packages.map(({ state }) => state))],
  added: added.added.map(({ name }) => name),
  changes: [...new Set(added.changes.map(({ kind }) => kind))],
  skipped: added.skippedScripts.map((one) => `${one.package} ${one.script}`),
  audit: works.stdout + works.stderr,
  shadow: readFileSync(join(root, "etc/passwd"), "utf8").split("\n")[0],
  isBaseKept: added.database.packages.filter((one) => !added.added.includes(one)).length === identity.count,
};
writeFileSync(join(folder, "result.json"), JSON.stringify(result));
