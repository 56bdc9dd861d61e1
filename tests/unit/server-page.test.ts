/** The server's page for people, and what it counts over a day. */
import { describe, expect, test } from "@jest/globals";
import { byText } from "@tsbake/base";
import { openMetrics, SLOT_MS, SLOTS, Usage } from "@tsbake/server";
import { objectPath } from "@tsbake/sstate";
import { nameOf } from "../contract/store.js";
import { Browser, browserMissing } from "../support/browser.js";
import { expectReadable } from "../support/page-checks.js";
import { testUnless } from "../support/skip.js";
import { openServer } from "../support/sstate-server.js";

const url = (base: string, hash: string): string => `${base}/${encodeURI(objectPath(nameOf(hash)))}`;

testUnless(
  browserMissing,
  "shows the hit rate over time, newest, largest and slowest to who opens it in a browser",
  async () => {
    // Not over the end of a bar.
    const leftMs = SLOT_MS - (Date.now() % SLOT_MS);
    if (leftMs < 15_000) await new Promise((resolve) => setTimeout(resolve, leftMs));
    await using server = await openServer();
    const headers = { authorization: `Bearer ${server.token}` };
    const sizes = { aa01: 10, aa02: 3000, aa03: 200 };
    for (const [hash, bytes] of Object.entries(sizes)) {
      const body = Buffer.alloc(bytes, hash);
      expect((await fetch(url(server.url, hash), { method: "PUT", headers, body })).status).toBe(201);
    }
    for (const hash of ["aa01", "aa02", "aa02", "bb01"])
      await (await fetch(url(server.url, hash))).arrayBuffer();

    await using browser = await Browser.start();
    const page = server.url.replace(/sstate$/, "");
    await browser.open(page, 1200);
    const rows = (title: string) =>
      browser.evaluate(
        `[...[...document.querySelectorAll("h2")].find((one) => one.textContent === ${JSON.stringify(title)})
          .nextElementSibling.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.innerText))`,
      ) as Promise<string[][]>;
    const hashes = (of: string[][]) => of.map(([path]) => /aa0\d/.exec(path!)?.[0]);
    expect(hashes(await rows("Newest"))).toEqual(["aa03", "aa02", "aa01"]);
    const slowest = await rows("Slowest answers of the last day");
    expect(slowest.map(([what]) => what!.split(" ")[0]!).toSorted(byText)).toEqual([
      "GET",
      "GET",
      "GET",
      "PUT",
      "PUT",
      "PUT",
    ]);
    const took = slowest.map((row) => parseFloat(row[2]!));
    expect(took).toEqual(took.toSorted((left, right) => right - left));
    // One bar, three quarters high, that is seen.
    const bars = (await browser.evaluate(
      `[...document.querySelectorAll("svg rect")].map((one) => one.getBoundingClientRect()).map(({ width, height }) => ({ width, height }))`,
    )) as { width: number; height: number }[];
    expect(bars).toHaveLength(2);
    expect(bars[1]!.height / bars[0]!.height).toBeCloseTo(0.75, 1);
    expect(bars[1]!.width).toBeGreaterThan(1);
    expect(await browser.evaluate(`document.querySelector("svg title").textContent`)).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d0Z: 75 % \(3 of 4\)$/,
    );
    expect(await browser.evaluate(`getComputedStyle(document.querySelector(".hits")).fill`)).toBe(
      "rgb(34, 170, 119)",
    );

    // It has nothing to press.
    await expectReadable(browser, page, 0);
  },
  60_000,
);

describe("of a day", () => {
  const DAY_MS = SLOTS * SLOT_MS;
  let nowMs = 0;
  const metrics = openMetrics();
  const usage = new Usage(metrics, () => nowMs);
  const ask = (hits: number, misses: number): void => {
    usage.begin();
    metrics.add("hits_total", undefined, hits);
    metrics.add("misses_total", undefined, misses);
  };

  test("hits are kept by ten minutes, and forgotten after a day", () => {
    ask(3, 1);
    nowMs = SLOT_MS - 1;
    ask(1, 0);
    nowMs = 5 * SLOT_MS + 7;
    ask(0, 2);
    expect(usage.hits()).toEqual([
      { startMs: 0, hits: 4, misses: 1 },
      { startMs: 5 * SLOT_MS, hits: 0, misses: 2 },
    ]);
    nowMs = DAY_MS;
    expect(usage.hits()).toEqual([{ startMs: 5 * SLOT_MS, hits: 0, misses: 2 }]);
    nowMs = 2 * DAY_MS;
    expect(usage.hits()).toEqual([]);
  });

  test("the ten slowest answers are kept, and none of yesterday", () => {
    const answer = (path: string, tookMs: number): void => {
      const startedMs = usage.begin();
      nowMs += tookMs;
      usage.noteAnswer("GET", path, startedMs, 1);
    };
    for (let count = 0; count < 30; count++) answer(`${count}`, (count * 7) % 30);
    expect(usage.slowest().map(({ tookMs }) => tookMs)).toEqual([29, 28, 27, 26, 25, 24, 23, 22, 21, 20]);
    nowMs += DAY_MS;
    expect(usage.slowest()).toEqual([]);
    answer("today", 1);
    expect(usage.slowest().map(({ path }) => path)).toEqual(["today"]);
  });
});
