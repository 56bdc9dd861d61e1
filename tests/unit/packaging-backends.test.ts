/** The contract of package backends, for each of them. */
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Backend, openBackend, readRpm, splitHeaders, writeRpmDatabase } from "@tsbake/packaging";
import { backendContract, type BackendRig, makeDeb } from "../contract/backend.js";
import { describeUnless, notRoot } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const noRpm = await toolsProblem("rpm");
const cannotInstall = notRoot === undefined ? undefined : await toolsProblem("fakeroot");

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

type Installed = Parameters<BackendRig["install"]>[1][number];

/** Folders too, as both databases have them. */
function listOf({ files = [] }: Installed): string[] {
  return [
    ...new Set(
      files.flatMap((path) => path.split("/").map((_, at, parts) => `/${parts.slice(0, at + 1).join("/")}`)),
    ),
  ];
}

/** Makes packages of the backend's format in the place of .debs. */
async function convert(backend: Backend, debs: string): Promise<void> {
  const { packages } = await openBackend("deb").scan(debs);
  const planned = packages.map((one) => ({ ...one, path: join(debs, one.file) }));
  const made = (await backend.repackaging?.write(planned, join(debs, "pool"))) ?? [];
  for (const { path } of made) copyFileSync(path, join(debs, basename(path)));
  rmSync(join(debs, "pool"), { recursive: true });
  for (const name of readdirSync(debs)) if (name.endsWith(".deb")) rmSync(join(debs, name));
}

const STATUS = "Status: install ok installed\n";

backendContract("deb", cannotInstall, () => ({
  backend: openBackend("deb"),
  status: "var/lib/dpkg/status",
  info: "var/lib/dpkg/info",
  convert: async () => {},
  install(root, packages) {
    const folder = join(root, "var/lib/dpkg");
    put(join(folder, "info/format"), "1\n");
    put(join(folder, "status"), packages.map(({ control }) => `${control}${STATUS}\n`).join(""));
    for (const one of packages) {
      const [, architecture = ""] = /^Architecture: (.*)$/m.exec(one.control) ?? [];
      const key = one.control.includes("Multi-Arch: same") ? `${one.name}:${architecture}` : one.name;
      put(join(folder, "info", `${key}.list`), ["/.", ...listOf(one)].map((path) => `${path}\n`).join(""));
      for (const [name, text] of Object.entries(one.scripts ?? {}))
        put(join(folder, "info", `${key}.${name}`), text);
    }
  },
}));

backendContract("ipk", cannotInstall, () => {
  const backend = openBackend("ipk");
  return {
    backend,
    status: "var/lib/opkg/status",
    info: "var/lib/opkg/info",
    convert: (debs) => convert(backend, debs),
    install(root, packages) {
      const folder = join(root, "var/lib/opkg");
      put(join(folder, "status"), packages.map(({ control }) => `${control}${STATUS}\n`).join(""));
      for (const one of packages) {
        put(join(folder, "info", `${one.name}.control`), one.control);
        put(
          join(folder, "info", `${one.name}.list`),
          listOf(one)
            .map((path) => `${path}\n`)
            .join(""),
        );
        for (const [name, text] of Object.entries(one.scripts ?? {}))
          put(join(folder, "info", `${one.name}.${name}`), text);
      }
    },
  };
});

const MACHINE = process.arch === "arm64" ? "aarch64" : "x86_64";

describeUnless(noRpm, "with rpm", () =>
  backendContract("rpm", cannotInstall, () => {
    const backend = openBackend("rpm");
    return {
      backend,
      status: `var/lib/rpm/headers/rest-1-0.${MACHINE}.hdr`,
      info: "var/lib/rpm/headers",
      convert: (debs) => convert(backend, debs),
      async install(root, packages) {
        const work = temporaryFolder("rpm-base");
        const debs = join(work, "debs");
        for (const one of packages) {
          const [, architecture = ""] = /^Architecture: (.*)$/m.exec(one.control) ?? [];
          await makeDeb(work, debs, one, architecture);
        }
        await convert(backend, debs);
        const paths = readdirSync(debs).map((name) => join(debs, name));
        const headers = await Promise.all(paths.map(async (path) => (await readRpm(path)).headerBytes));
        mkdirSync(root, { recursive: true });
        await writeRpmDatabase(root, splitHeaders(Buffer.concat(headers), root));
      },
    };
  }),
);
