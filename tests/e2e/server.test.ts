/** Projects that share through the server that we ship: artifacts, hash equivalence, and its absence. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { sha256 } from "@tsbake/base";
import { listStore, packArtifact } from "@tsbake/sstate";
import { serveFolder } from "../support/mirror.js";
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

  test("is not taken in by another task's artifact, well packed and with its own checksum", async () => {
    forget(reader);
    const object = (await listStore(folder)).find(({ path }) => /:page:.*_deploy\.tar/.test(path))!;
    const path = join(folder, object.path);
    const [bytes, sidecar] = [readFileSync(path), readFileSync(`${path}.sha256`)];
    const tree = temporaryFolder("poison");
    writeFileSync(join(tree, "x"), "x");
    rmSync(path);
    await packArtifact([{ name: "elsewhere", path: tree }], path, 0);
    writeFileSync(`${path}.sha256`, `${sha256(readFileSync(path))}\n`);
    reader.configure(reading());
    const built = await reader.built(["page"]);
    expect(built.ran).toContain("page:do_deploy");
    expect(codesIn(built.output)).toEqual(["run/restore-failed"]);
    expect(await reader.rig.digests("build/tmp/deploy")).toEqual(outputs);
    writeFileSync(path, bytes);
    writeFileSync(`${path}.sha256`, sidecar);
  }, 60_000);
});

describe("hash equivalence", () => {
  const GREETING = "meta-toy/recipes/greeting/greeting_1.0.bb";
  const comment = (toy: Toy) =>
    toy.change(GREETING, (text) => text.replace("do_compile() {", "do_compile() {\n    : a comment"));
  const settings = (address = server.hashAddress) =>
    `BB_SIGNATURE_HANDLER = "OEEquivHash"\nBB_HASHSERVE = "${address}"\n`;

  test("what one project has found to be equal is equal for another that has never built it", async () => {
    forget(maker);
    forget(reader);
    maker.change("build/conf/token", `${server.token!}\n`);
    maker.configure(settings() + pushing());
    await maker.built(["page"]);
    comment(maker);
    const changed = await maker.built(["page"]);
    expect(changed.ran).toEqual(tasksOf("greeting", ["compile", "install", "populate_sysroot"]));
    comment(reader);
    reader.configure(settings() + reading());
    const shared = await reader.built(["page"]);
    expect([shared.ran, shared.restored, codesIn(shared.output)]).toEqual([[], RESTORED, []]);
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
