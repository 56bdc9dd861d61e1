/** What every page of ours keeps to, asked of a real browser. */
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "@jest/globals";
import type { Browser } from "./browser.js";

/** Of a telephone, and of a screen on a desk. */
const WIDTHS = [375, 1920];

/** What somebody may want to do something with. */
const CONTROLS = `[...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().width > 0)`;

/** The smallest letters that are to be seen, in px on the screen, and what they say. */
const SMALLEST = `(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let least = [Infinity, ""];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || /^(SCRIPT|STYLE)$/.test(parent.tagName) || !parent.checkVisibility()) continue;
    const scale = parent.ownerSVGElement?.getScreenCTM().a ?? 1;
    const size = parseFloat(getComputedStyle(parent).fontSize) * scale;
    if (size < least[0]) least = [size, node.data.trim()];
  }
  return least;
})()`;

/**
 * Opens the page at both widths: nothing sticks out, letters can be read, every control is reached by Tab, and the browser has
 * nothing to complain of. TSBAKE_TEST_PICTURES=FOLDER keeps what is to be seen, for people.
 *
 * @param leastControls how many there are to be reached, at least
 */
export async function expectReadable(browser: Browser, url: string, leastControls = 4): Promise<void> {
  const name = basename(new URL(url).pathname, ".html") || "server";
  for (const width of WIDTHS) {
    await browser.open(url, width);
    const [widest, [least, text]] = (await browser.evaluate(
      `[document.documentElement.scrollWidth, ${SMALLEST}]`,
    )) as [number, [number, string]];
    expect(widest).toBeLessThanOrEqual(width);
    expect({ text, isReadable: least >= 12 }).toEqual({ text, isReadable: true });
    await keepPicture(browser, `${name}-${width}`);
    const count = (await browser.evaluate(
      `(globalThis.wanted = ${CONTROLS}, globalThis.reached = new Set(), wanted.length)`,
    )) as number;
    expect(count).toBeGreaterThanOrEqual(leastControls);
    for (let pressed = 0; pressed < count + 2; pressed++) {
      await browser.press("Tab");
      await browser.evaluate("reached.add(document.activeElement), 0");
    }
    const missed = await browser.evaluate(
      "wanted.filter((one) => !reached.has(one)).map((one) => one.outerHTML.slice(0, 200))",
    );
    expect(missed).toEqual([]);
  }
  await browser.showDark();
  await keepPicture(browser, `${name}-dark`);
  expect(browser.complaints).toEqual([]);
}

async function keepPicture(browser: Browser, name: string): Promise<void> {
  const folder = process.env["TSBAKE_TEST_PICTURES"];
  if (folder !== undefined) writeFileSync(join(folder, `${name}.png`), await browser.picture());
}
