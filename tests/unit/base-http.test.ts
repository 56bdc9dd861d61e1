/** The HTTP client, against real servers on the loopback. */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, createServer as createRawServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { redact, HttpClient, netrcLogin, parseNetrc, proxyFor, sha256 } from "@tsbake/base";
import { run } from "../support/command.js";
import { serveFolder, type Fault } from "../support/mirror.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";
import { listening } from "../support/listening.js";

const noOpenssl = await toolsProblem("openssl");

const temporary = (): string => temporaryFolder("http");
const basic = (login: string): string => `Basic ${Buffer.from(login).toString("base64")}`;

const NAMES = ["NETRC", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "NODE_EXTRA_CA_CERTS"];
const before = NAMES.map((name) => [name, process.env[name]] as const);
afterEach(() => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  return { ...(await listening(server)), server };
}

describe("a download that is gone on with", () => {
  const first = "a".repeat(100_000);
  const second = "b".repeat(100_000);

  /** A server of one file that cuts the line once in its middle; the file is another one afterwards when `changes`. */
  async function rig(headers: Record<string, string>, changes: boolean) {
    const requests: string[] = [];
    let cuts = 0;
    const server = await serve((request, response) => {
      const whole = cuts > 0 && changes ? second : first;
      const version = changes && cuts > 0 ? '"two"' : '"one"';
      const own = { ...headers, ...(headers["etag"] && { etag: headers["etag"].replace('"one"', version) }) };
      const condition = request.headers["if-range"] as string | undefined;
      requests.push(`${request.headers.range ?? ""} ${condition ?? ""}`.trim());
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const isRest = start > 0 && (condition === undefined || condition === own["etag"]);
      if (isRest) {
        const range = `bytes ${start}-${whole.length - 1}/${whole.length}`;
        response.writeHead(206, { ...own, "content-range": range }).end(whole.slice(start));
      } else if (cuts++ === 0) {
        response.writeHead(200, { ...own, "content-length": whole.length });
        response.write(whole.slice(0, 60_000), () => response.destroy());
      } else response.writeHead(200, own).end(whole);
    });
    return { ...server, requests, url: `http://127.0.0.1:${server.port}/file` };
  }

  test.each([
    ["as it was", { etag: '"one"' }, false, first, 'bytes=N- "one"'],
    ["that has changed meanwhile: it comes whole", { etag: '"one"' }, true, second, 'bytes=N- "one"'],
    ["without a strong ETag", { etag: 'W/"one"' }, false, first, "bytes=N-"],
    [
      "with a date",
      { "last-modified": "Sat, 01 Jan 2022 00:00:00 GMT" },
      false,
      first,
      "bytes=N- Sat, 01 Jan 2022 00:00:00 GMT",
    ],
  ])("%s", async (_what, headers: Record<string, string>, changes, expected, asked) => {
    await using one = await rig(headers, changes);
    const client = new HttpClient();
    const path = join(temporary(), "file");
    await expect(client.download(one.url, path)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await client.download(one.url, path)).toMatchObject({ status: 200 });
    // A date says the same of the server that compares nothing.
    expect(readFileSync(path, "utf8") === expected).toBe(true);
    expect(one.requests.map((line) => line.replace(/=\d+-/, "=N-"))).toEqual(["", asked]);
    client.close();
  });

  test.each([
    ["ignores Range", (_request: IncomingMessage, response: ServerResponse) => response.end(second)],
    [
      "sends another part than it was asked for",
      (request: IncomingMessage, response: ServerResponse) => {
        if (request.headers.range === undefined) response.end(second);
        else response.writeHead(206, { "content-range": "bytes 7-9/100000" }).end("bbb");
      },
    ],
    [
      "has less than what is there",
      (request: IncomingMessage, response: ServerResponse) => {
        if (request.headers.range === undefined) response.end(second);
        else response.writeHead(416, { "content-range": "bytes */3" }).end();
      },
    ],
  ])("from a server that %s", async (_what, answer) => {
    await using one = await serve(answer);
    const path = join(temporary(), "file");
    writeFileSync(path, "the start of something else");
    const client = new HttpClient();
    expect(await client.download(`http://127.0.0.1:${one.port}/`, path)).toMatchObject({ status: 200 });
    expect(sha256(readFileSync(path, "utf8"))).toBe(sha256(second));
    client.close();
  });
});

describe("a server that is", () => {
  async function rig(fault: Fault, options: object = {}) {
    const folder = temporary();
    writeFileSync(join(folder, "file"), "text");
    const server = await serveFolder(folder, fault);
    const notes: string[] = [];
    const client = new HttpClient({ retryPauseMs: 10, onRetry: (text) => notes.push(text), ...options });
    return {
      client,
      notes,
      server,
      url: `${server.url}/file`,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }

  test.each([429, 502, 503, 504])("busy (%d) is asked again, and says so", async (status) => {
    let busy = 2;
    await using one = await rig((_request, response) => {
      if (busy-- <= 0) return false;
      response.writeHead(status).end();
      return true;
    });
    expect(await one.client.text(one.url, 100)).toEqual({ status: 200, text: "text" });
    expect(one.notes).toEqual([
      expect.stringMatching(`^127.0.0.1:\\d+: answers ${status}; asked again in 0.01 s$`),
      expect.stringContaining("0.04 s"),
    ]);
  });

  test("busy for longer is given up", async () => {
    await using one = await rig((_request, response) => (response.writeHead(503).end(), true));
    expect(await one.client.head(one.url)).toMatchObject({ status: 503 });
    expect(one.server.requests).toHaveLength(3);
  });

  test.each([
    ["asks for a moment's patience gets it", "1", 2],
    ["asks for an hour does not", "3600", 1],
  ])("busy and %s", async (_what, pause, requests) => {
    let isFirst = true;
    await using one = await rig((_request, response) => {
      if (!isFirst) return false;
      isFirst = false;
      response.writeHead(429, { "retry-after": pause }).end();
      return true;
    });
    await one.client.head(one.url);
    expect(one.server.requests).toHaveLength(requests);
  });

  test("silent is asked twice, and then named", async () => {
    await using one = await rig(() => true, { timeoutMs: 100 });
    await expect(one.client.head(one.url)).rejects.toMatchObject({ code: "HTTP_TIMEOUT" });
    expect(one.server.requests).toHaveLength(2);
    expect(one.notes).toEqual([expect.stringContaining("silent for 0.1 s")]);
  });

  test("gone for a moment is found again", async () => {
    let losses = 3;
    await using one = await rig((_request, response) => {
      if (losses-- <= 0) return false;
      response.destroy();
      return true;
    });
    expect(await one.client.text(one.url, 100)).toEqual({ status: 200, text: "text" });
  });
});

describe("logins", () => {
  test.each([
    ["machine h login me password secret", "me:secret"],
    ["machine other login x password y\nmachine h\n  login me\n  password secret\n", "me:secret"],
    ["default login me password secret", "me:secret"],
    ["machine h login first password 1\nmachine h login second password 2", "first:1"],
    ['machine h login me password "with blank \\"and\\" #"', 'me:with blank "and" #'],
    ["# machine h login no password no\nmachine h login me password #secret # not this", "me:#secret"],
    [
      "macdef init\nmachine h login no password no\n\nmachine H login me account x password secret",
      "me:secret",
    ],
    ["machine host login me password secret", undefined],
    ["machine h.example login me password secret", undefined],
    ["machine h", ":"],
    ["login me password secret", undefined],
    ["", undefined],
  ])("of ~/.netrc: %j", (text, expected) => {
    const found = netrcLogin(parseNetrc(text), "h");
    expect(found && `${found.login}:${found.password}`).toBe(expected);
  });

  test("whatever stands in the file, it is read, and a default never goes before a host's own", () => {
    const word = fc.constantFrom(
      "machine",
      "default",
      "login",
      "password",
      "macdef",
      "h",
      '"',
      "#",
      "\\",
      "x y",
      "\n",
      "\n\n",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string())), (words) => {
        for (const { machine } of parseNetrc(words.join(" "))) expect(machine).not.toBe(null);
      }),
    );
    const plain = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(plain, plain, plain)), fc.string(), (entries, password) => {
        const quoted = `"${password.replace(/[\\"]/g, "\\$&")}"`;
        if (/\s/.test(password.replaceAll(" ", ""))) return;
        const lines = entries.map(
          ([host, login, secret]) => `machine ${host} login ${login} password ${secret}`,
        );
        const text = ["default login d password d", ...lines, `machine HOST login l password ${quoted}`].join(
          "\n",
        );
        expect(netrcLogin(parseNetrc(text), "host")).toMatchObject(
          entries.some(([host]) => host === "host") ? {} : { login: "l", password },
        );
      }),
    );
  });

  test("go to their own host, and nowhere else with a redirect", async () => {
    const seen: string[] = [];
    const note = (name: string) => (request: IncomingMessage, response: ServerResponse) => {
      seen.push(`${name}${request.url} ${request.headers.authorization}`);
      if (request.url === "/away")
        response.writeHead(302, { location: `http://localhost:${other.port}/there` }).end();
      else if (request.url === "/near") response.writeHead(302, { location: "/here" }).end();
      else if (request.url === "/absolute")
        response.writeHead(302, { location: `http://127.0.0.1:${own.port}/here` }).end();
      else response.end("text");
    };
    await using own = await serve(note("own"));
    await using other = await serve(note("other"));
    const netrc = join(temporary(), "netrc");
    writeFileSync(netrc, "machine 127.0.0.1 login me password secret\n");
    process.env["NETRC"] = netrc;
    for (const path of ["away", "near"]) await new HttpClient().head(`http://127.0.0.1:${own.port}/${path}`);
    for (const path of ["away", "near", "absolute"])
      await new HttpClient().head(`http://you:word@127.0.0.1:${own.port}/${path}`);
    expect(seen).toEqual([
      `own/away ${basic("me:secret")}`,
      "other/there undefined",
      `own/near ${basic("me:secret")}`,
      `own/here ${basic("me:secret")}`,
      `own/away ${basic("you:word")}`,
      "other/there undefined",
      `own/near ${basic("you:word")}`,
      `own/here ${basic("you:word")}`,
      `own/absolute ${basic("you:word")}`,
      `own/here ${basic("you:word")}`,
    ]);
    seen.length = 0;
    writeFileSync(netrc, "default login any password secret\n");
    for (const path of ["away", "near"]) await new HttpClient().head(`http://127.0.0.1:${own.port}/${path}`);
    expect(seen).toEqual([
      `own/away ${basic("any:secret")}`,
      "other/there undefined",
      `own/near ${basic("any:secret")}`,
      `own/here ${basic("any:secret")}`,
    ]);
  });

  test.each([
    ["get https://me:secret@h/x and ssh://you@h", "get https://me:***@h/x and ssh://you@h"],
    ["http://h:80/a@b", "http://h:80/a@b"],
    ["http://h:80?a@b", "http://h:80?a@b"],
    ["http://me:p@ss:w@h/x@y", "http://me:***@h/x@y"],
    ["http://:token@h/", "http://:***@h/"],
    ["git://h/x;user=me;pswd=secret;branch=b", "git://h/x;user=me;pswd=***;branch=b"],
    ["https://ghp_abc@h/x", "https://***@h/x"],
    ["HTTPS://ghp_abc@h/x https://b@c", "HTTPS://***@h/x https://***@c"],
    ["git://git@h/x;protocol=ssh", "git://git@h/x;protocol=ssh"],
    ["ssh://git@h/x", "ssh://git@h/x"],
    ["git://abc@h/x;branch=b;protocol=https", "git://***@h/x;branch=b;protocol=https"],
    ["http://h/x?a=1&private_token=abc&b=2;name=n", "http://h/x?a=1&private_token=***&b=2;name=n"],
    ["http://h/x?X-Amz-Signature=abc#z", "http://h/x?X-Amz-Signature=***#z"],
    ["http://h/x?key=abc monkey=1 keyboard=2", "http://h/x?key=*** monkey=1 keyboard=2"],
    ["http://h/x?monkey=1&page=2", "http://h/x?monkey=1&page=2"],
    ["wget --header 'Authorization: Bearer abc' x", "wget --header 'Authorization: Bearer ***' x"],
    ["PRIVATE-TOKEN: abc", "PRIVATE-TOKEN: ***"],
    ['{"a":"http://a:1","b":"c@d"}', '{"a":"http://a:1","b":"c@d"}'],
  ])("%s, shown", (text, shown) => {
    expect(redact(text)).toBe(shown);
  });
});

describe("a password", () => {
  const letter = fc.constantFrom(..."abcXYZ019!$&'()*+,=._~%-:@".split(""));
  const secret = fc.string({ unit: letter, minLength: 8, maxLength: 20 });
  test("of a URL is in no text that others see, whatever it is made of", () => {
    fc.assert(
      fc.property(secret, fc.constantFrom("", "/", "/a@b", "/x;name=y"), (password, rest) => {
        const url = `https://user:${password}@host${rest}`;
        for (const text of [url, `x ${url} y`, `"${url}"`, `A='${url}'`, JSON.stringify({ url })]) {
          const shown = redact(text);
          expect(shown).toBe(text.replace(`:${password}@`, () => ":***@"));
          expect(redact(shown)).toBe(shown);
        }
      }),
    );
  });
});

describe("a server that drips", () => {
  /** Sends a letter now and then, for ever, in its headers or in its body. */
  async function dripping(where: "headers" | "body") {
    const timers: NodeJS.Timeout[] = [];
    const server = createRawServer((socket) => {
      socket.on("error", () => undefined);
      socket.write(`HTTP/1.1 200 OK\r\n${where === "body" ? "Content-Length: 4000\r\n\r\n" : ""}`);
      timers.push(setInterval(() => socket.write(where === "body" ? "x" : "X-A: b\r\n"), 20));
    });
    const { url } = await listening(server);
    return {
      url: `${url}/`,
      [Symbol.dispose]: () => {
        for (const timer of timers) clearInterval(timer);
        server.close();
      },
    };
  }
  const asks = (client: HttpClient, url: string) => ({
    head: () => client.head(url),
    bytes: () => client.bytes(url, 10_000),
    download: () => client.download(url, join(temporary(), "file")),
  });
  const limits = { timeoutMs: 300, retryPauseMs: 1, minRate: 10_000 };

  test.each([
    ["headers", "head", "HTTP_TIMEOUT"],
    ["headers", "download", "HTTP_TIMEOUT"],
    ["body", "bytes", "HTTP_SLOW"],
    ["body", "download", "HTTP_SLOW"],
  ] as const)("in its %s is given up (%s)", async (where, ask, code) => {
    using server = await dripping(where);
    await expect(asks(new HttpClient(limits), server.url)[ask]()).rejects.toMatchObject({ code });
  });

  test.each([
    ["headers", "head"],
    ["body", "bytes"],
    ["body", "download"],
  ] as const)("in its %s is let go of when the build stops (%s)", async (where, ask) => {
    using server = await dripping(where);
    const stop = new AbortController();
    const client = new HttpClient({ timeoutMs: 600_000, minRate: 0, signal: stop.signal });
    setTimeout(() => stop.abort(), 100);
    await expect(asks(client, server.url)[ask]()).rejects.toMatchObject({ code: "HTTP_STOPPED" });
    await expect(asks(client, server.url)[ask]()).rejects.toMatchObject({ code: "HTTP_STOPPED" });
  });

  test("a body that nobody wants is not read for ever", async () => {
    await using server = await serve((_request, response) => {
      const more = (): boolean => response.write("x".repeat(1 << 16));
      response.on("drain", more).writeHead(404);
      more();
    });
    const closed = new Promise((resolve) => {
      server.server.on("connection", (socket: Socket) => socket.on("close", resolve));
    });
    expect(await new HttpClient().bytes(`http://127.0.0.1:${server.port}/`, 10)).toEqual({ status: 404 });
    await closed;
  });
});

describe("a file without end", () => {
  /** Sends as fast as it is read, and says nothing of a length. */
  const endless = () =>
    serve((_request, response) => {
      const more = (): void => {
        while (response.write("x".repeat(1 << 16)));
      };
      response.on("drain", more).writeHead(200);
      more();
    });

  test.each([
    ["in size", { maxBytes: 5_000_000 }, "HTTP_TOO_LONG"],
    ["in time", { maxMs: 200 }, "HTTP_SLOW"],
  ] as const)("is given up: it has a limit %s", async (_what, limit, code) => {
    await using server = await endless();
    const path = join(temporary(), "file");
    const client = new HttpClient(limit);
    const url = `http://127.0.0.1:${server.port}/a`;
    await expect(client.download(url, path)).rejects.toMatchObject({ code });
    // What came stays, so that a slow one can be gone on with.
    const most = "maxBytes" in limit ? limit.maxBytes + (1 << 20) : Infinity;
    expect(statSync(path).size).toBeLessThanOrEqual(most);
  });

  test("that says its size is not begun where that is too much, and the start counts", async () => {
    await using server = await serve((_request, response) =>
      response.writeHead(206, { "content-range": "bytes 4-9/10", "content-length": 6 }).end("456789"),
    );
    const path = join(temporary(), "file");
    writeFileSync(path, "0123");
    const url = `http://127.0.0.1:${server.port}/a`;
    await expect(new HttpClient({ maxBytes: 9 }).download(url, path)).rejects.toMatchObject({
      code: "HTTP_TOO_LONG",
    });
    expect(readFileSync(path, "utf8")).toBe("0123");
    await new HttpClient({ maxBytes: 10 }).download(url, path);
    expect(readFileSync(path, "utf8")).toBe("0123456789");
  });

  test("that the disk has no room for is not begun", async () => {
    await using server = await serve((_request, response) =>
      response.writeHead(200, { "content-length": 2 ** 50 }).write("x"),
    );
    const url = `http://127.0.0.1:${server.port}/a`;
    // A file system that needs a byte for each that is written, whatever the tests' own folder is on.
    const path = join("/dev/shm", `tsbake-http-${process.pid}`);
    await expect(new HttpClient().download(url, path)).rejects.toThrow(/a download from 127.0.0.1/);
    rmSync(path, { force: true });
  });
});

describe("proxies", () => {
  test.each([
    ["http://h/", { http_proxy: "http://p:3128" }, "http://p:3128/"],
    ["http://h/", { HTTP_PROXY: "p:3128" }, "http://p:3128/"],
    ["https://h/", { http_proxy: "http://p" }, undefined],
    ["https://h/", { all_proxy: "http://p" }, "http://p/"],
    ["https://h/", { https_proxy: "https://p", all_proxy: "http://q" }, "https://p/"],
    ["http://h/", { http_proxy: "" }, undefined],
    ["http://h.a.org/", { http_proxy: "http://p", no_proxy: "b.org,a.org" }, undefined],
    ["http://h.a.org/", { http_proxy: "http://p", no_proxy: ".a.org" }, undefined],
    ["http://h.a.org/", { http_proxy: "http://p", no_proxy: "*.a.org" }, undefined],
    ["http://ha.org/", { http_proxy: "http://p", no_proxy: "a.org" }, "http://p/"],
    ["http://h/", { http_proxy: "http://p", NO_PROXY: "*" }, undefined],
    ["http://h:8080/", { http_proxy: "http://p", no_proxy: "h:80" }, "http://p/"],
    ["http://h/", { http_proxy: "http://p", no_proxy: "x h:80" }, undefined],
    ["http://[::1]:8080/", { http_proxy: "http://p", no_proxy: "::1" }, undefined],
    ["http://[::1]:8080/", { http_proxy: "http://p", no_proxy: "[::1]:8080" }, undefined],
  ])("%s with %j", (url, environment, expected) => {
    expect(proxyFor(new URL(url), environment as NodeJS.ProcessEnv)?.href).toBe(expected);
  });

  test("of another kind are refused by name", () => {
    expect(() => proxyFor(new URL("http://h"), { http_proxy: "socks5://p" })).toThrow("socks5://p");
  });

  /** A proxy that makes tunnels to wherever it is asked, with a login. */
  async function proxy() {
    const tunnels: string[] = [];
    const one = await serve((_request, response) => response.writeHead(500).end());
    one.server.on("connect", (request: IncomingMessage, socket: Socket) => {
      tunnels.push(`${request.url} ${request.headers["proxy-authorization"]}`);
      if (request.headers["proxy-authorization"] !== basic("me:secret")) {
        socket.end(
          "HTTP/1.1 407 Who are you\r\nlocation: https://evil.example/\r\ncontent-length: 4\r\n\r\nevil",
        );
        return;
      }
      const port = Number(request.url!.split(":")[1]);
      const onward = connect(port, "127.0.0.1", () => socket.write("HTTP/1.1 200 Go ahead\r\n\r\n"));
      onward.pipe(socket).pipe(onward);
      for (const end of [socket, onward]) end.on("error", () => {});
    });
    return { ...one, tunnels };
  }

  testUnless(
    noOpenssl,
    "tunnel TLS, keep the connection, and cannot speak for the server",
    async () => {
      const folder = temporary();
      const [keyPath, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
      const request =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost";
      const files = ["-keyout", keyPath, "-out", certificate];
      const made = await run("openssl", [...request.split(" "), ...files]);
      expect(made).toMatchObject({ code: 0 });
      const server = createTlsServer(
        { key: readFileSync(keyPath), cert: readFileSync(certificate) },
        (_request, response) => response.end("secret text"),
      );
      const { port } = await listening(server);
      await using between = await proxy();
      // The certificate authority is read when a process starts.
      const script = `import { HttpClient } from ${JSON.stringify(import.meta.resolve("@tsbake/base"))};
      const client = new HttpClient({ retryPauseMs: 1 });
      const say = (promise) => promise.then((answer) => console.log(JSON.stringify(answer)), (error) => console.log(error.message));
      await say(client.text(process.argv[1], 100));
      // A connection that is kept does not keep the process.
      await say(client.text(process.argv[1], 100));`;
      const ask = async (proxyUrl: string, more: Record<string, string>) => {
        const environment = { PATH: process.env["PATH"] ?? "", https_proxy: proxyUrl, ...more };
        const url = `https://localhost:${port}/`;
        const { stdout } = await run("node", ["--input-type=module", "-e", script, url], {
          env: environment,
        });
        return stdout.trim().split("\n");
      };
      const trusted = { NODE_EXTRA_CA_CERTS: certificate };
      const text = '{"status":200,"text":"secret text"}';
      try {
        expect(await ask(`http://me:secret@127.0.0.1:${between.port}`, trusted)).toEqual([text, text]);
        expect(between.tunnels).toEqual([`localhost:${port} ${basic("me:secret")}`]);
        const refused = `the proxy 127.0.0.1:${between.port} answers 407 to CONNECT`;
        expect(await ask(`127.0.0.1:${between.port}`, trusted)).toEqual([refused, refused]);
        const [unknown] = await ask(`http://me:secret@127.0.0.1:${between.port}`, {});
        expect(unknown).toMatch(/self-signed certificate/);
      } finally {
        server.close();
        server.closeAllConnections();
      }
    },
    60_000,
  );
});
