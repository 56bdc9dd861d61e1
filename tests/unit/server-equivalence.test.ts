/** The hash equivalence protocol, spoken line by line, and what the database makes of it. */
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { HashClient, readHashServer, RemoteEquivalences } from "@tsbake/sstate/remote";
import { openEquivalences } from "@tsbake/sstate";
import { openServer, type TestServer } from "../support/sstate-server.js";
import { temporaryFolder } from "../support/temporary.js";

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const METHOD = "m";

let server: TestServer;
beforeAll(async () => {
  process.env["TSBAKE_SSTATE_ADMIN_PASSWORD"] = "password";
  server = await openServer({ argv: ["--anonymous", "@read @report @db-admin", "--admin", "admin"] });
});
afterAll(async () => {
  delete process.env["TSBAKE_SSTATE_ADMIN_PASSWORD"];
  await server.close();
});

/** A connection on which lines are said as they are. */
class Talk implements Disposable {
  readonly #socket;
  readonly #lines: string[] = [];
  #rest = "";
  #wake: (() => void) | undefined;
  hasEnded = false;

  constructor(address = server.hashAddresses[0]!, greeting: readonly string[] = ["OEHASHEQUIV 1.1", ""]) {
    const [host, port] = address.split(":");
    this.#socket = connect({ host: host!, port: Number(port) });
    this.#socket.on("data", (piece) => {
      const lines = (this.#rest + piece.toString()).split("\n");
      this.#rest = lines.pop()!;
      this.#lines.push(...lines);
      this.#wake?.();
    });
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => {
      this.hasEnded = true;
      this.#wake?.();
    });
    this.say(...greeting);
  }

  say(...lines: string[]): void {
    if (lines.length > 0) this.#socket.write(`${lines.join("\n")}\n`);
  }

  /** Undefined at the end of the connection. */
  async hear(): Promise<string | undefined> {
    while (this.#lines.length === 0 && !this.hasEnded)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#lines.shift();
  }

  async ask(message: object): Promise<unknown> {
    this.say(JSON.stringify(message));
    const line = await this.hear();
    return line === undefined ? undefined : (JSON.parse(line) as unknown);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

const report = (taskhash: string, outhash: string, unihash = taskhash) => ({
  report: { method: METHOD, taskhash: hash(taskhash), outhash: hash(outhash), unihash: hash(unihash) },
});
const answered = (taskhash: string, unihash: string) => ({
  method: METHOD,
  taskhash: hash(taskhash),
  unihash: hash(unihash),
});

describe("hash equivalence", () => {
  test("the oldest task with an output gives its unihash to the others; what has one keeps it", async () => {
    using talk = new Talk();
    expect(await talk.ask({ get: { method: METHOD, taskhash: hash("a1") } })).toBeNull();
    expect(await talk.ask(report("a1", "o1"))).toEqual(answered("a1", "a1"));
    expect(await talk.ask(report("a2", "o1"))).toEqual(answered("a2", "a1"));
    expect(await talk.ask(report("a2", "o2"))).toEqual(answered("a2", "a1"));
    expect(await talk.ask(report("a3", "o3"))).toEqual(answered("a3", "a3"));
    expect(await talk.ask(report("a3", "o1"))).toEqual(answered("a3", "a3"));
    expect(await talk.ask({ get: { method: METHOD, taskhash: hash("a2") } })).toEqual(answered("a2", "a1"));
    expect(await talk.ask({ get: { method: METHOD, taskhash: hash("a2"), all: true } })).toMatchObject({
      ...answered("a2", "a1"),
      outhash: hash("o1"),
    });
    const outhash = { method: METHOD, outhash: hash("o2"), taskhash: "" };
    expect(await talk.ask({ "get-outhash": outhash })).toMatchObject({
      taskhash: hash("a2"),
      unihash: hash("a1"),
    });
    expect(await talk.ask({ "report-equiv": answered("a4", "a1") })).toEqual(answered("a4", "a1"));
    expect(await talk.ask({ ping: {} })).toEqual({ alive: true });
  });

  test("of many who report one output at once all get one unihash", async () => {
    const talks = Array.from({ length: 20 }, () => new Talk());
    for (let round = 0; round < 10; round++) {
      const answers: unknown[] = [];
      await Promise.all(
        talks.map(
          async (talk, at) => void answers.push(await talk.ask(report(`t${round}-${at}`, `same${round}`))),
        ),
      );
      expect(new Set(answers.map((one) => (one as { unihash: string }).unihash)).size).toBe(1);
    }
    for (const talk of talks) talk[Symbol.dispose]();
  });

  test("streams answer as many lines as came together, and end in the middle of what was sent", async () => {
    using talk = new Talk();
    await talk.ask(report("s1", "so1"));
    talk.say(
      '{"get-stream": null}',
      `${METHOD} ${hash("s1")}`,
      `${METHOD} ${hash("none")}`,
      "END",
      '{"ping": {}}',
    );
    const lines = [];
    for (let count = 0; count < 5; count++) lines.push(await talk.hear());
    expect(lines).toEqual(['"ok"', hash("s1"), "", "ok", '{"alive":true}']);
    talk.say('{"exists-stream": null}', hash("s1"), hash("none"), "END");
    expect([await talk.hear(), await talk.hear(), await talk.hear(), await talk.hear()]).toEqual([
      '"ok"',
      "true",
      "false",
      "ok",
    ]);
  });

  test("a long message goes both ways in pieces", async () => {
    using talk = new Talk();
    const listing = `${"a line of äöü  \n".repeat(20_000)}`;
    const text = JSON.stringify({ report: { ...report("l1", "lo1").report, outhash_siginfo: listing } });
    const pieces = [];
    for (let at = 0; at < text.length; at += 30_000) pieces.push(text.slice(at, at + 30_000));
    talk.say('{"chunk-stream": null}', ...pieces, "");
    expect(JSON.parse((await talk.hear())!)).toEqual(answered("l1", "l1"));
    talk.say(JSON.stringify({ get: { method: METHOD, taskhash: hash("l1"), all: true } }));
    expect(await talk.hear()).toBe('{"chunk-stream": null}');
    let whole = "";
    for (let piece = await talk.hear(); piece; piece = await talk.hear()) {
      // BitBake reads a line of at most 64 KiB, and takes blanks off its end.
      expect([Buffer.byteLength(piece) <= 32_767, piece.trimEnd() === piece]).toEqual([true, true]);
      whole += piece;
    }
    expect((JSON.parse(whole) as { outhash_siginfo: string }).outhash_siginfo).toBe(listing);
  });

  test.each<[what: string, lines: string[], answer: RegExp | undefined]>([
    ["no protocol", ["GET / HTTP/1.1", ""], undefined],
    ["another version", ["OEHASHEQUIV 2.0", ""], undefined],
    ["headers without end", ["OEHASHEQUIV 1.1", ...Array.from({ length: 50 }, () => "a: b")], undefined],
    ["no JSON", ["OEHASHEQUIV 1.1", "", "{"], /no JSON/],
    ["no object", ["OEHASHEQUIV 1.1", "", "[]"], /no request/],
    ["no command", ["OEHASHEQUIV 1.1", "", '{"constructor": {}}'], /no command/],
    ["a missing field", ["OEHASHEQUIV 1.1", "", '{"get": {"method": "m"}}'], /`taskhash`/],
    [
      "a field of another kind",
      ["OEHASHEQUIV 1.1", "", '{"get": {"method": 1, "taskhash": {}}}'],
      /`method`/,
    ],
    [
      "a bad unihash",
      ["OEHASHEQUIV 1.1", "", JSON.stringify({ report: { ...report("x", "x").report, unihash: "../x" } })],
      /Invalid unihash/,
    ],
    [
      "a bad line of a stream",
      ["OEHASHEQUIV 1.1", "", '{"get-stream": null}', "a b c"],
      /"ok"|METHOD TASKHASH/,
    ],
    ["a line without end", ["OEHASHEQUIV 1.1", "", "x".repeat(300_000)], undefined],
    [
      "a column that is none",
      ["OEHASHEQUIV 1.1", "", '{"remove": {"where": {"1=1; --": "x"}}}'],
      /"count":0/,
    ],
  ])("%s is refused, and the server goes on", async (_what, lines, answer) => {
    {
      using talk = new Talk(server.hashAddresses[0], []);
      talk.say(...lines);
      const heard: string[] = [];
      // A connection that is left open is one that was answered.
      for (let line = await talk.hear(); line !== undefined; line = await talk.hear()) {
        heard.push(line);
        if (/count/.test(line)) break;
      }
      expect(heard.join("\n")).toMatch(answer ?? /^$/);
    }
    using next = new Talk();
    expect(await next.ask({ ping: {} })).toEqual({ alive: true });
  });

  test("users have their permissions, and tokens of the token file those of their scopes", async () => {
    await using closed = await openServer({ argv: ["--anonymous", "@none", "--admin", "admin"] });
    const [address] = closed.hashAddresses;
    using nobody = new Talk(address);
    expect(await nobody.ask({ get: { method: METHOD, taskhash: hash("x") } })).toMatchObject({
      "invoke-error": {},
    });
    using admin = new Talk(address);
    expect(await admin.ask({ auth: { username: "admin", token: "password" } })).toMatchObject({
      result: true,
    });
    const made = (await admin.ask({ "new-user": { username: "me", permissions: ["@read"] } })) as {
      token: string;
    };
    expect(made.token).toMatch(/^[\w.]{64}$/);
    using reader = new Talk(address);
    expect(await reader.ask({ auth: { username: "me", token: made.token } })).toMatchObject({
      permissions: ["@read"],
    });
    // Who may only read is told what would be, and nothing is taken down.
    expect(await reader.ask(report("x", "y"))).toEqual(answered("x", "x"));
    expect(await reader.ask({ get: { method: METHOD, taskhash: hash("x") } })).toBeNull();
    expect(await reader.ask({ "gc-status": {} })).toMatchObject({ "invoke-error": {} });
    using farm = new Talk(address);
    expect(await farm.ask({ auth: { username: "token", token: closed.token } })).toMatchObject({
      username: "first",
      permissions: ["@db-admin", "@read", "@report"],
    });
    await farm.ask(report("x", "y"));
    expect(await farm.ask({ get: { method: METHOD, taskhash: hash("x"), all: true } })).toMatchObject({
      owner: "first",
    });
    using wrong = new Talk(address);
    expect(await wrong.ask({ auth: { username: "me", token: "guess" } })).toMatchObject({
      "invoke-error": {},
    });
  });

  test("a WebSocket and a Unix socket are the same", async () => {
    const path = join(temporaryFolder("hash"), "socket");
    await using own = await openServer({
      argv: ["--anonymous", "@read @report", "--hash-listen", `unix://${path}`],
    });
    const unix = own.hashAddresses.find((one) => one.startsWith("unix:"));
    const names = [own.hashAddresses[0]!, unix!, own.url.replace(/^http(.*)\/sstate$/, "ws$1")];
    for (const name of names) {
      const client = new HashClient({ server: readHashServer(name)!, timeoutMs: 3000 });
      const taskhash = hash(name);
      const sent = { method: METHOD, taskhash, outhash: hash("all the same"), unihash: taskhash, task: "x" };
      expect(await client.report(sent)).toBe(hash(names[0]!));
      const asked = Array.from({ length: 1200 }, (_one, at) => ({
        method: METHOD,
        taskhash: at === 700 ? taskhash : hash(`${at}`),
      }));
      expect(
        (await client.unihashes(asked)).flatMap((one, at) => (one === undefined ? [] : [[at, one]])),
      ).toEqual([[700, hash(names[0]!)]]);
      client.close();
    }
    const bad = new WebSocket(names[2]!);
    await new Promise((resolve) => bad.on("open", resolve));
    bad.send("rubbish");
    await new Promise((resolve) => bad.on("close", resolve));
  });
});

describe("a build's client", () => {
  const open = async (name: string, warnings: string[], timeoutMs = 500) => {
    const near = await openEquivalences(join(temporaryFolder("hash"), "file.jsonl"));
    const options = { server: readHashServer(name)!, name, timeoutMs };
    return new RemoteEquivalences(near, { ...options, onWarning: (text) => warnings.push(text) });
  };
  const output = (task: string, out: string) => ({
    taskHash: hash(task),
    unihash: hash(task),
    outHash: hash(out),
    method: METHOD,
    output: hash(out),
    task,
  });

  test("learns what another has reported, and goes on alone with one warning when the server goes", async () => {
    const own = await openServer({ argv: ["--anonymous", "@read @report"] });
    const warnings: string[] = [];
    const [one, other] = [
      await open(own.hashAddresses[0]!, warnings),
      await open(own.hashAddresses[0]!, warnings),
    ];
    expect(await one.report(output("c1", "co"))).toBe(hash("c1"));
    expect(await one.report(output("c2", "co"))).toBe(hash("c1"));
    expect(other.unihash(hash("c2"))).toBeUndefined();
    expect(
      await other.learn([hash("c1"), hash("c2")].map((taskhash) => ({ method: METHOD, taskhash }))),
    ).toBe(true);
    expect(other.unihash(hash("c2"))).toBe(hash("c1"));
    await own.close();
    expect(warnings).toEqual([]);
    // What the server has said before is known still.
    expect(await one.report(output("c3", "co"))).toBe(hash("c1"));
    expect(await one.report(output("c4", "else"))).toBe(hash("c4"));
    expect(warnings).toEqual([expect.stringContaining("the build goes on without it")]);
  });

  test.each<[what: string, answer: (lines: string[]) => string | undefined]>([
    ["is silent", () => undefined],
    ["answers rubbish", () => "<html>\n"],
    ["answers what goes into no file name", () => '{"unihash": "../../x"}\n'],
    ["says no", () => '{"invoke-error": {"message": "no"}}\n'],
    ["sends without end", () => "x".repeat(40 << 20)],
  ])("that %s is one warning and a bounded wait", async (_what, answer) => {
    const { createServer } = await import("node:net");
    const fake = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (piece) => {
        const text = answer(piece.toString().split("\n"));
        if (text !== undefined) socket.write(text);
      });
    });
    await new Promise<void>((resolve) => fake.listen(0, "127.0.0.1", resolve));
    const { port } = fake.address() as { port: number };
    const warnings: string[] = [];
    const client = await open(`127.0.0.1:${port}`, warnings);
    const started = Date.now();
    expect(await client.report(output("d1", "do"))).toBe(hash("d1"));
    expect(await client.learn([{ method: METHOD, taskhash: hash("d1") }])).toBe(false);
    expect(Date.now() - started).toBeLessThan(5000);
    expect(warnings).toHaveLength(1);
    fake.close();
  });
});
