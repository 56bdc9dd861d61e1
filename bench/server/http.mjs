/** Objects over HTTP: our server and nginx, on the same folder, asked by wrk (HEAD: ab) with 32 connections, in turn. */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cpuMsOf, freePort, startOurs, until } from "./servers.mjs";

const CONNECTIONS = 32;
const SECONDS = 5;
/** Before each measurement, of all peers: a server runs for months, and node compiles what it runs often in its first seconds. */
const WARM_SECONDS = 2;
/** Sizes in bytes, and how many objects: all of them fit into memory, as what is asked for often does. */
const SIZES = [
  { name: "64 KiB", bytes: 64 << 10, count: 400 },
  { name: "8 MiB", bytes: 8 << 20, count: 16 },
];

/** @returns by size, a file that lists their paths */
export function layObjects(folder) {
  return Object.fromEntries(
    SIZES.map(({ name, bytes, count }) => {
      const content = randomBytes(bytes);
      const paths = Array.from({ length: count }, (_one, at) => {
        const hash = `${(at + 16).toString(16).slice(0, 2)}00${bytes.toString(16)}${at.toString(16)}`;
        const path = `${hash.slice(0, 2)}/${hash.slice(2, 4)}/sstate:bench:x86_64:1.0:r0:x86_64:14:${hash}_install.tar.zst`;
        mkdirSync(join(folder, path, ".."), { recursive: true });
        writeFileSync(join(folder, path), content);
        return `/sstate/${path}`;
      });
      const list = join(folder, `paths-${bytes}`);
      writeFileSync(list, `${paths.join("\n")}\n`);
      return [name, list];
    }),
  );
}

async function startNginx(folder, objects) {
  const port = await freePort();
  const configuration = join(folder, "nginx.conf");
  writeFileSync(
    configuration,
    `daemon off; worker_processes auto; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server { listen 127.0.0.1:${port}; location /sstate/ { alias ${objects}/; } }
}
`,
  );
  // Started as root it would work as somebody who cannot read the folder.
  const words = process.getuid() === 0 ? ["-g", "user root;"] : [];
  const child = spawn("nginx", ["-c", configuration, ...words], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  await until(() => fetch(`${url}/sstate/`));
  return { url, child, end: () => child.kill("SIGTERM") };
}

/** @returns requests a second, and how many there were */
function wrk(url, method, list, seconds = SECONDS) {
  const done = spawnSync(
    "wrk",
    [
      "-t2",
      "--timeout",
      "60s",
      `-c${CONNECTIONS}`,
      `-d${seconds}s`,
      "-s",
      join(import.meta.dirname, "paths.lua"),
      url,
    ],
    { encoding: "utf8", env: { ...process.env, METHOD: method, PATHS: list } },
  );
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(done.stdout)?.[1]);
  const bad = /Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)/.exec(done.stdout);
  if (!Number.isFinite(rate) || bad) throw new Error(`wrk: ${bad?.[0] ?? done.stderr ?? done.error}`);
  return { rate, count: Number(/(\d+) requests in/.exec(done.stdout)[1]) };
}

/** wrk waits for the body of a HEAD, which never comes. @returns requests a second, and how many there were */
function ab(url, list, seconds = SECONDS) {
  const [path] = readFileSync(list, "utf8").split("\n");
  const words = ["-i", "-k", "-q", `-c${CONNECTIONS}`, `-t${seconds}`, "-n10000000", `${url}${path}`];
  const done = spawnSync("ab", words, { encoding: "utf8" });
  const rate = Number(/Requests per second:\s+([\d.]+)/.exec(done.stdout)?.[1]);
  const bad = /Non-2xx responses:.*|Failed requests: +[1-9].*/.exec(done.stdout);
  if (!Number.isFinite(rate) || bad) throw new Error(`ab: ${bad?.[0] ?? done.stderr ?? done.error}`);
  return { rate, count: Number(/Complete requests:\s+(\d+)/.exec(done.stdout)[1]) };
}

export async function http(folder, runs) {
  const objects = join(folder, "objects");
  mkdirSync(objects);
  const lists = layObjects(objects);
  const ours = await startOurs(objects);
  const nginx = await startNginx(folder, objects);
  const rows = [];
  try {
    for (const [method, size] of [
      ["HEAD", "64 KiB"],
      ["GET", "64 KiB"],
      ["GET", "8 MiB"],
    ]) {
      const rates = { ours: [], nginx: [] };
      for (let run = 0; run < runs; run++) {
        const measure = ({ child, url }) => {
          const { origin } = new URL(url);
          const ask = (seconds) =>
            method === "HEAD" ? ab(origin, lists[size], seconds) : wrk(origin, method, lists[size], seconds);
          ask(WARM_SECONDS);
          const before = cpuMsOf(child.pid);
          const { rate, count } = ask(SECONDS);
          return { rate, cpuMs: (cpuMsOf(child.pid) - before) / count };
        };
        rates.ours.push(measure(ours));
        rates.nginx.push(measure(nginx));
      }
      rows.push({
        what: `${method} ${size}`,
        unit: "requests/s",
        peer: "nginx",
        ours: rates.ours,
        theirs: rates.nginx,
      });
    }
  } finally {
    ours.end();
    nginx.end();
  }
  return rows;
}
