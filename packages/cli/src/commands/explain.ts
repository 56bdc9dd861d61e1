/** `tsbake explain CODE`: what docs/problems.md says of a problem. */
import { readFile } from "node:fs/promises";
import { BuildError, nearest, words } from "@tsbake/base";
import { unknownCode } from "../problems.js";
import type { Answer, SessionCommand } from "./command.js";

const PAGE = new URL("../../../../docs/problems.md", import.meta.url);
const COLUMNS = 100;

export const explain: SessionCommand = {
  answerAlone: ({ request }) => explainCode(request.targets[0]),
};

/**
 * @param asked a code, also within other text (`error[base/disk-full]`), or what stands behind its `/`; undefined: all codes
 * @throws BuildError `cli/unknown-code` with near ones
 */
async function explainCode(asked: string | undefined): Promise<Answer> {
  const sections = readSections(await readFile(PAGE, "utf8"));
  const codes = [...sections.keys()];
  if (asked === undefined) return { text: codes.map((code) => `${code}\n`).join(""), data: { codes } };
  const wanted = /[\w-]+\/[\w-]+/.exec(asked)?.[0] ?? asked;
  const matching = sections.has(wanted) ? [wanted] : codes.filter((code) => lastPart(code) === wanted);
  const [code] = matching;
  if (code === undefined || matching.length > 1)
    throw new BuildError([unknownCode(wanted, code === undefined ? nearCodes(wanted, codes) : matching)]);
  const paragraphs = sections.get(code)!;
  return { text: `${[code, ...paragraphs.map(wrapped)].join("\n\n")}\n`, data: { code, paragraphs } };
}

/** Paragraphs by code, without line ends, links spelled out. */
function readSections(page: string): ReadonlyMap<string, readonly string[]> {
  const [, ...parts] = page.split(/^## /m);
  return new Map(
    parts.map((part) => {
      const [code = "", ...paragraphs] = part.trim().split(/\n{2,}/);
      return [code, paragraphs.map((text) => words(text).join(" ").replace(LINK, "$1: docs/$2"))];
    }),
  );
}

const LINK = /\[([^\]]+)\]\(([^)]+)\)/g;

function lastPart(code: string): string {
  return code.slice(code.indexOf("/") + 1);
}

function nearCodes(wanted: string, codes: readonly string[]): readonly string[] {
  if (wanted.includes("/")) return nearest(wanted, codes);
  const parts = nearest(wanted, codes.map(lastPart));
  return parts.flatMap((part) => codes.filter((code) => lastPart(code) === part));
}

function wrapped(paragraph: string): string {
  let column = 0;
  return words(paragraph)
    .map((word) => {
      const fits = column > 0 && column + 1 + word.length <= COLUMNS;
      const front = fits ? " " : column > 0 ? "\n" : "";
      column = fits ? column + 1 + word.length : word.length;
      return front + word;
    })
    .join("");
}
