/** Projects that share through the server that we ship: artifacts, hash equivalence, and its absence. */
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { tarOf } from "@tsbake/archive";
import { sha256 } from "@tsbake/base";
import { listStore } from "@tsbake/sstate";
import { serveFolder, type Fault } from "../support/mirror.js";
import { startProgram, type ServerProgram } from "../support/sstate-server.js";
import { tasksOf, Toy } from "../support/toy.js";
import { temporaryFolder } from "../support/temporary.js";

let folder: string;
let server: ServerProgram;
/** Of `page`, as it was made first. */
let outputs: Map<string, string>;
let [maker, reader]: [Toy, Toy] = [undefined!, undefined!];
beforeAll(async () => {
  folder = temporaryFolder("server");
  server = await startProgram(folder, ["--anonymous", "@read @report"]);
  [maker, reader] = [new Toy(), new Toy()];
});
afterEach(() => {
  maker.restore();
  reader.restore();
});
afterAll(async () => {
  await server.end("SIGKILL");
  maker[Symbol.dispose]();
  reader[Symbol.dispose]();
});

const pushing = (url = server.url) =>
  `SSTATE_MIRROR_PUSH = "${url}"\nSSTATE_MIRROR_PUSH_TOKEN_FILE = "\${TOPDIR}/conf/token"\nSSTATE_MIRROR_PUSH_WAIT = "20"\n`;
const reading = (url = server.url) => `SSTATE_MIRRORS = "file://.* ${url}/PATH;downloadfilename=PATH"\n`;
const RESTORED = tasksOf("page", ["deploy", "populate_sysroot"]);

function forget(toy: Toy): void {
  for (const name of ["tmp", "sstate-cache", "cache/hash-equivalences.jsonl"])
    rmSync(toy.rig.path("build", name), { recursive: true, force: true });
}

const codesIn = (output: string): string[] =>
  [...output.matchAll(/"code":"([a-z/-]+)"/g)].map(([, code]) => code!);

function trafficIn(output: string): Record<string, unknown> | undefined {
  const line = output.split("\n").find((one) => one.includes('"type":"shared-state"'));
  return line === undefined ? undefined : (JSON.parse(line) as Record<string, unknown>);
}

describe("a project that pushes", () => {
  test("gives another one all that it needs, with the same bytes", async () => {
    maker.configure(pushing());
    const refused = await maker.tsbake(["page"]);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/^error\[engine\/bad-token-file\]/),
    ]);
    maker.change("build/conf/token", `${server.token!}\n`);
    const made = await maker.built(["page"]);
    const objects = (await listStore(maker.rig.path("build/sstate-cache"))).filter(
      ({ kind }) => kind === "object",
    );
    expect(trafficIn(made.output)).toMatchObject({ pushed: objects.length, known: 0, conflicts: 0, left: 0 });
    expect(made.output).not.toContain(server.token!);
    expect(existsSync(maker.rig.path("build/cache/to-push"))).toBe(false);

    reader.configure(reading());
    const shared = await reader.built(["page"]);
    expect([shared.ran, shared.restored, codesIn(shared.output)]).toEqual([[], RESTORED, []]);
    const traffic = trafficIn(shared.output)!;
    expect(traffic).toMatchObject({ found: traffic["wanted"], fetched: RESTORED.length, pushed: 0 });
    expect([traffic["fetchedBytes"], traffic["url"]]).toEqual([expect.any(Number), undefined]);
    expect((await reader.tsbake(["page"])).stdout).not.toContain("shared state:");
    const [theirs, ours] = [
      await maker.rig.digests("build/tmp/deploy"),
      await reader.rig.digests("build/tmp/deploy"),
    ];
    expect(ours).toEqual(theirs);
    outputs = theirs;
    expect(ours.size).toBeGreaterThan(0);

    // As a person would do it by hand.
    const environment = { TSBAKE_SSTATE_TOKEN: server.token! };
    const push = await maker.tsbake(["sstate", "push"], { environment });
    expect([push.code, push.stdout]).toEqual([
      0,
      expect.stringContaining(`0 artifacts pushed, 0 B; ${objects.length} known`),
    ]);
    forget(reader);
    const pull = await reader.tsbake(["sstate", "pull", "page"]);
    expect([pull.code, pull.stdout]).toEqual([
      0,
      expect.stringMatching(/: (\d+) of \1 artifacts are here now$/m),
    ]);
  }, 120_000);

  test("goes on without a server, and sends what is left when there is one", async () => {
    forget(maker);
    maker.change("build/conf/token", `${server.token!}\n`);
    maker.recipe(
      "late",
      "do_install() {\n    install -d ${D}${SHARED}\n    echo late >${D}${SHARED}/late\n}\n",
    );
    const { hostname } = new URL(server.url);
    maker.configure(pushing(`http://${hostname}:1/sstate`));
    const alone = await maker.built(["late"]);
    expect(codesIn(alone.output)).toEqual(["engine/shared-state"]);
    expect(trafficIn(alone.output)).toMatchObject({ pushed: 0, left: expect.any(Number) as unknown });
    const left = readFileSync(maker.rig.path("build/cache/to-push"), "utf8").trim().split("\n");
    maker.configure(pushing());
    const next = await maker.tsbake(["late"]);
    expect([next.code, next.stdout]).toEqual([
      0,
      expect.stringMatching(
        new RegExp(`^shared state: .* ${left.length} pushed to http:[^ ]* \\(\\d+ B\\)$`, "m"),
      ),
    ]);
    expect(next.stdout).toContain("nothing to do");
  }, 120_000);
});

describe("a project that reads", () => {
  test("ends well when the server dies in the middle, with one warning", async () => {
    forget(reader);
    const own = temporaryFolder("server");
    await using dying = await startProgram(own);
    await using between = await serveFolder("/nonexistent", (request, response) => {
      // What is found is asked for, and then nothing answers any more.
      if (request.method === "GET" && /\.tar\.(?:zst|gz)$/.test(request.url ?? "")) {
        dying.process.kill("SIGKILL");
        request.socket.destroy();
        return true;
      }
      void fetch(`${server.url}${request.url!}`, { method: request.method! }).then(
        async (found) => response.writeHead(found.status).end(Buffer.from(await found.arrayBuffer())),
        () => response.destroy(),
      );
      return true;
    });
    reader.configure(reading(between.url));
    const built = await reader.built(["page"]);
    expect(built.ran).toContain("page:do_deploy");
    expect(codesIn(built.output).filter((code) => code === "engine/shared-state")).toHaveLength(1);
  }, 120_000);

  test("is not taken in by a cache that is poisoned: nothing of it is restored, and the bytes are those from scratch", async () => {
    forget(reader);
    const poisoned = temporaryFolder("poisoned");
    cpSync(folder, poisoned, { recursive: true });
    const objects = (await listStore(poisoned)).filter(({ kind }) => kind === "object");
    const hostile = await packed("../../escaped");
    const foreign = await packed("elsewhere/x");
    /** By what is wrong with it: how a file is spoilt, or what is answered instead of it. */
    const kinds: readonly ((path: string, at: number) => void | Fault)[] = [
      // Of another task, or an old one of this: whole, and with its own checksum.
      (path, at) => replace(path, readFileSync(join(folder, objects[(at + 1) % objects.length]!.path))),
      (path) => replace(path, hostile),
      (path) => replace(path, foreign),
      (path, at) =>
        cpSync(join(folder, `${objects[(at + 1) % objects.length]!.path}.sha256`), `${path}.sha256`),
      (path) => truncateSync(path, 100),
      () => (_request, response) => (response.writeHead(200).end("<html>log in</html>"), true),
      () => (request, response) => (response.writeHead(302, { location: request.url! }).end(), true),
      () => (_request, response) => {
        const more = (): boolean => response.write(Buffer.alloc(1 << 16));
        response.on("drain", more).writeHead(200);
        return more() || true;
      },
    ];
    const faults = new Map<string, Fault>();
    objects.forEach(({ path }, at) => {
      const fault = kinds[at % kinds.length]!(join(poisoned, path), at);
      if (fault) faults.set(path, fault);
    });
    await using evil = await serveFolder(poisoned, (request, response) => {
      const fault = faults.get(decodeURIComponent(request.url!).slice(1));
      return request.method === "GET" && fault !== undefined && fault(request, response);
    });
    reader.configure(`${reading(evil.url)}TSBAKE_HTTP_MAX_SIZE = "3000000"\n`);
    const built = await reader.built(["page"]);
    expect(built.restored).toEqual([]);
    expect(built.ran).toContain("page:do_deploy");
    expect(await reader.rig.digests("build/tmp/deploy")).toEqual(outputs);
    expect(existsSync(reader.rig.path("build/escaped"))).toBe(false);
    // One of the mirror, and one of each artifact that came whole and is another.
    const codes = codesIn(built.output);
    expect(codes.filter((code) => code === "engine/shared-state")).toHaveLength(1);
    expect(new Set(codes)).toEqual(new Set(["engine/shared-state", "run/restore-failed"]));
  }, 120_000);
});

/** A tar with one file, compressed. */
async function packed(path: string): Promise<Buffer> {
  return gzipSync(await tarOf([{ path, type: "file", data: "x" }]));
}

/** As whoever may push does it: the checksum is right. */
function replace(path: string, bytes: Buffer): void {
  writeFileSync(path, bytes);
  writeFileSync(`${path}.sha256`, `${sha256(bytes)}\n`);
}

/** Of an image whose recipes all need `greeting`: TSBAKE_EQUIVALENCE_RECIPES=100 is the long run. */
const USERS = Number(process.env["TSBAKE_EQUIVALENCE_RECIPES"] ?? 2);

describe("hash equivalence", () => {
  const GREETING = "meta-toy/recipes/greeting/greeting_1.0.bb";
  const comment = (toy: Toy) =>
    toy.change(GREETING, (text) => text.replace("do_compile() {", "do_compile() {\n    : a comment"));
  const settings = (address = server.hashAddress) =>
    `BB_SIGNATURE_HANDLER = "OEEquivHash"\nBB_HASHSERVE = "${address}"\n`;

  test(`what one project has found to be equal is equal for another that has never built it (${USERS} recipes)`, async () => {
    forget(maker);
    forget(reader);
    const names = Array.from({ length: USERS }, (_one, at) => `user${at}`);
    for (const toy of [maker, reader]) {
      for (const name of names)
        toy.recipe(
          name,
          `DEPENDS = "greeting"\ndo_install() {\n    install -D -m 0644 \${RECIPE_SYSROOT}\${SHARED}/greeting \${D}\${SHARED}/${name}\n}\n`,
        );
      toy.recipe("all", `DEPENDS = "page ${names.join(" ")}"\n`);
    }
    maker.change("build/conf/token", `${server.token!}\n`);
    maker.configure(settings() + pushing());
    await maker.built(["all"]);
    comment(maker);
    const changed = await maker.built(["all"]);
    expect(changed.ran).toEqual(tasksOf("greeting", ["compile", "install", "populate_sysroot"]));
    comment(reader);
    reader.configure(settings() + reading());
    const shared = await reader.built(["all"]);
    expect([shared.ran, codesIn(shared.output)]).toEqual([[], []]);
    expect(shared.restored).toEqual(tasksOf("all", ["deploy", "populate_sysroot"]));
  }, 120_000);

  test("a server that is not there is one warning, and the file of this machine counts", async () => {
    maker.configure(settings("127.0.0.1:1"));
    await maker.built(["page"]);
    comment(maker);
    const changed = await maker.built(["page"]);
    expect(codesIn(changed.output)).toEqual(["engine/shared-state"]);
    expect(changed.ran).not.toContain("page:do_compile");
  }, 120_000);
});

test("a second signal ends the server; the first lets it end what runs", async () => {
  await using own = await startProgram(temporaryFolder("server"));
  expect((await fetch(own.url.replace(/sstate$/, "healthz"))).status).toBe(200);
  expect(await own.end("SIGTERM")).toBe(0);
});
