/** URLs of SRC_URI and the rules of mirrors, in both languages, against what BitBake makes of them (tests/golden/fetch). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeUrl, encodeUrl, localName, mirrorsOf, parseMirrors } from "@tsbake/base";
import { parseSourceUri } from "@tsbake/fetch";
import fc from "fast-check";
import { root } from "../support/paths.js";
import { PythonRig } from "./python-rig.js";

type Case = [title: string, given: readonly string[], expected: readonly string[]];

function cases(file: string): Case[] {
  const [, ...sections] = readFileSync(join(root, "tests/golden/fetch", file), "utf8").split(/^=== /m);
  return sections.map((section) => {
    const [title = "", ...lines] = section.trimEnd().split("\n");
    const expected = lines.filter((line) => line.startsWith("--> ")).map((line) => line.slice(4));
    return [title, lines.filter((line) => !line.startsWith("-->")), expected];
  });
}

const rig = new PythonRig();
beforeAll(() => rig.python.open());
afterAll(() => rig.python.close());

const inPython = (expression: string, d = rig.d): unknown =>
  JSON.parse(String(rig.python.evaluate(`__import__("json").dumps(${expression})`, d)));

describe("an entry of SRC_URI is read as BitBake reads it", () => {
  const all = cases("urls.txt");
  const read = all.filter(([, , [decoded]]) => decoded !== "refused");
  const joined = read.filter(([, , [, encoded]]) => encoded !== "refused");
  // The engine takes `type://` only, and no parameter without a value.
  const isOurs = ([, [url = ""]]: Case): boolean => /^[a-z]\w*:\/\//i.test(url);

  test.each(read)("by metadata: %s", (_, [url = ""], [decoded = ""]) => {
    expect(inPython(`bb.fetch2.decodeurl(${JSON.stringify(url)})`)).toEqual(JSON.parse(decoded));
  });

  test.each(joined)("put together by metadata: %s", (_, [url = ""], [, encoded]) => {
    expect(inPython(`bb.fetch2.encodeurl(bb.fetch2.decodeurl(${JSON.stringify(url)}))`)).toBe(encoded);
  });

  test.each(joined.filter(isOurs))("by the engine: %s", (_, [url = ""], [decoded = "", encoded]) => {
    const [type, host, path, user, password, parameters] = JSON.parse(decoded) as unknown[];
    expect(decodeUrl(url)).toEqual({ type, host, path, user, password, parameters });
    expect(encodeUrl(decodeUrl(url)!)).toBe(encoded);
  });

  test.each(all.filter((one) => !joined.includes(one) || !isOurs(one)))("refused: %s", (_, [url = ""]) => {
    expect(() => parseSourceUri(url)).toThrow("fetch/bad-uri");
  });

  test.each(all.filter(([, , [decoded]]) => decoded === "refused"))(
    "refused by metadata: %s",
    (_, [url = ""]) => {
      const decode = (): unknown => rig.python.evaluate(`bb.fetch2.decodeurl(${JSON.stringify(url)})`, rig.d);
      expect(decode).toThrow("bb.fetch2.MalformedUrl");
    },
  );
});

describe("mirror rules lead where BitBake's lead", () => {
  const COMMIT = "0123456789".repeat(4);
  const split = (lines: readonly string[]): { rules: string; variables: Record<string, string> } => ({
    rules: lines.filter((line) => !line.includes(" = ")).join(" "),
    variables: Object.fromEntries(
      lines.filter((line) => line.includes(" = ")).map((line) => line.split(" = ") as [string, string]),
    ),
  });

  test.each(cases("mirrors.txt"))("%s", (_, [url = "", ...lines], expected) => {
    const { rules, variables } = split(lines);
    const d = rig.datastore({ DL_DIR: "/dl", FILESPATH: "/files", SRCREV: COMMIT, ...variables });
    d.setVar("URL", url);
    d.setVar("RULES", rules);
    const places =
      "bb.fetch2.build_mirroruris(bb.fetch2.FetchData(d.getVar('URL'), d), bb.fetch2.mirror_from_string(d.getVar('RULES')), d)[0]";
    expect(inPython(places, d)).toEqual(expected);

    const tarballs = inPython("bb.fetch2.FetchData(d.getVar('URL'), d).mirrortarballs", d) as string[];
    const allowed = variables["BB_ALLOWED_NETWORKS"];
    const isAllowed = (place: string): boolean =>
      allowed === undefined || decodeUrl(place)?.host === "n" || place.includes(".example");
    expect(mirrorsOf(url, parseMirrors(rules).rules, { tarballs, isAllowed })).toEqual(expected);
  });

  const word = fc.constantFrom("a", "b", "x.tgz", "a b", "a%20b", "a:b", "é", "(c)", "PATH", "A");
  const path = fc.array(word, { maxLength: 4 }).map((words) => `/${words.join("/")}`);
  const place = fc
    .tuple(fc.constantFrom("http", "https", "file"), fc.constantFrom("h", "u:p@h:80", "m.org"), path)
    .map(([type, host, end]) => (type === "file" ? `file://${end}` : `${type}://${host}${end}`));
  const find = fc.constantFrom(
    "https?://.*/.*",
    "http://h/",
    "https://(.*)/(.*)",
    "file://.*",
    "http://u@h/a",
    ".*://.*/",
  );
  const replace = fc
    .tuple(place, fc.constantFrom("", "/", "/PATH", "/\\g<0>", "/BASENAME", "/MIRRORNAME", ";a=TYPE"))
    .map(([start, end]) => (start + end).replaceAll(" ", ""));
  // The whole file system is no source.
  const source = place.filter((url) => url !== "file:///");
  const rules = fc.array(fc.tuple(find, replace), { minLength: 1, maxLength: 4 });

  test("both languages agree, whatever the rules", () => {
    fc.assert(
      fc.property(source, rules, (url, pairs) => {
        const d = rig.datastore({ DL_DIR: "/dl", FILESPATH: "/files" });
        d.setVar("URL", url);
        d.setVar("RULES", pairs.flat().join(" "));
        const expected = inPython(
          "bb.fetch2.build_mirroruris(bb.fetch2.FetchData(d.getVar('URL'), d), bb.fetch2.mirror_from_string(d.getVar('RULES')), d)[0]",
          d,
        );
        expect(mirrorsOf(url, parseMirrors(pairs.flat().join(" ")).rules)).toEqual(expected);
      }),
      {
        numRuns: Number(process.env["TSBAKE_MIRROR_RUNS"] ?? 300),
        // A file without a name.
        examples: [
          [
            "file:///",
            [
              ["file://.*", "file:////MIRRORNAME"],
              ["file://.*", "http://h/"],
              ["https?://.*/.*", "http://h/"],
            ],
          ],
        ],
      },
    );
  });

  test.each([
    ["one", "one has no replacement"],
    ["x y", "x has no type://host/path"],
    ["http://h/( http://m/", "http://h/( is no regular expression"],
    ["http://h/ http://m/;a", "http://m/;a has no type://host/path"],
  ])("%s is no list of rules", (text, fault) => {
    expect(parseMirrors(text)).toEqual({ rules: [], faults: [fault] });
  });

  test("the name that a download has in DL_DIR", () => {
    expect(localName("https://h/get?file=x.tgz")).toBe("get");
    expect(localName("https://h/a%20b.tgz")).toBe("a b.tgz");
    expect(localName("https://h/a/")).toBe("h.a.");
    expect(localName("https://h/a;downloadfilename=b")).toBe("b");
  });
});
