/** Hostile tars: everything that is known to lead an extractor out of its folder, in any mixture. */
import fc from "fast-check";
import { paxEntry, rawTar, type RawEntry } from "../support/raw-tar.js";

/** What lies beside the folder, for links to aim at. */
export const OUTSIDE = "outside";

/** One case in ten. */
function seldom<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> {
  return fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
}

/** An honest tree, entry by entry. */
const HARMLESS: (readonly RawEntry[])[] = [
  [{ name: "a/", flag: "5", mode: 0o755 }],
  [{ name: "b/", flag: "5", mode: 0o755 }],
  [{ name: "d/", flag: "5", mode: 0o755 }],
  [{ name: "a/file", data: "1" }],
  [{ name: "a/lib", flag: "2", link: "file" }],
  [{ name: "a/out", flag: "2", link: `../../${OUTSIDE}` }],
  [{ name: "a/up", flag: "2", link: "/etc" }],
  [
    { name: "a/same", data: "2" },
    { name: "a/hard", flag: "1", link: "a/same" },
  ],
  [paxEntry({ path: `d/${"y".repeat(120)}` }), { name: "d/y" }],
  [{ name: "d/program", data: "x".repeat(700), mode: 0o4755 }],
  [{ name: "d/f\xe9", data: "" }],
];

/** @param outside absolute path of the folder that nothing may change */
export function hostileTar(outside: string): fc.Arbitrary<Buffer> {
  const names = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom(
        "a",
        "b",
        "a/b",
        "a/b/c",
        "b/a",
        "./a",
        "a//b",
        "a/",
        "./",
        "d",
        "d/a",
        "d/e",
        "control",
        "usr/bin/x",
        "b/./a",
        "a/out/x",
        "a/up/x",
        "b/x",
      ),
    },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        "a/../b",
        `../${OUTSIDE}/x`,
        `${outside}/x`,
        `../../${OUTSIDE}/x`,
        "..",
        ".",
        "",
        "/",
        "a/..",
        "a/../../x",
        "\xff",
        "a\nb",
        "-a",
        "--checkpoint=1",
        "x".repeat(99),
      ),
    },
  );
  const targets = fc.oneof(
    names,
    fc.constantFrom(
      "..",
      "../..",
      `../${OUTSIDE}`,
      `../../${OUTSIDE}`,
      outside,
      "/",
      `${outside}/canary`,
      `../${OUTSIDE}/canary`,
      "b/..",
      "a",
      "/proc/self/cwd",
      "/dev/null",
    ),
  );
  const size = fc.constantFrom<string | number | undefined>(
    undefined,
    undefined,
    undefined,
    undefined,
    1,
    600,
    2 ** 33,
    "77777777777\0",
    "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
    "\xff".repeat(12),
    "9\0",
    "-1\0",
    "            ",
  );
  const entry = fc
    .record({
      name: names,
      // 0 and NUL file, 1 hard link, 2 link, 3 4 devices, 5 folder, 6 FIFO, 7 contiguous, S sparse, D dump folder, M multi-volume, V label, N old long name
      flag: fc.constantFrom(
        "0",
        "0",
        "0",
        "\0",
        "1",
        "1",
        "2",
        "2",
        "2",
        "5",
        "5",
        "7",
        "3",
        "4",
        "6",
        "S",
        "D",
        "M",
        "V",
        "N",
        "Z",
      ),
      link: targets,
      data: fc.constantFrom("", "evil", "x".repeat(700)),
      size,
      mode: fc.constantFrom(0o644, 0o4755, 0o777, 0, 0o1777),
      prefix: fc.constantFrom("", "", "", "", "..", outside, "a"),
      magic: fc.constantFrom("ustar\x0000", "ustar\x0000", "ustar\x0000", "ustar  \0", ""),
      checksum: seldom(fc.constant(1)),
    })
    .map(({ size: said, checksum, ...one }): RawEntry => ({
      ...one,
      data: "\x000127S".includes(one.flag) && one.flag !== "1" && one.flag !== "2" ? one.data : "",
      ...(said === undefined ? {} : { size: said }),
      ...(checksum === null ? {} : { checksum }),
    }));
  const plain = entry.map((one): RawEntry => {
    const { size: _, checksum: __, ...rest } = one;
    return { ...rest, prefix: "", magic: "ustar\x0000" };
  });
  const pax = fc.oneof(
    names.map((path) => ({ path })),
    targets.map((linkpath) => ({ linkpath })),
    fc.constantFrom("0", "5", "99999999999", "-1", "x", "1e3").map((value) => ({ size: value })),
    fc.constantFrom<Record<string, string>>(
      {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": `../${OUTSIDE}/x`,
        "GNU.sparse.realsize": "4",
      },
      { "GNU.sparse.size": "5", "GNU.sparse.numblocks": "1" },
      { hdrcharset: "BINARY", path: "a" },
      { "SCHILY.xattr.user.x": "y" },
      { "SCHILY.xattr.security.capability": "\u0001\u0000\u0000\u0002" },
      { mtime: "-1.5" },
      { mtime: "99999999999999999999" },
      { uid: "4294967295", gid: "x" },
      { comment: "x".repeat(3000) },
      { path: `a\0/../../${OUTSIDE}/x` },
    ),
  );
  const step = fc.oneof(
    { weight: 5, arbitrary: plain.map((one) => [one]) },
    { weight: 3, arbitrary: entry.map((one) => [one]) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(pax, fc.constantFrom("x", "x", "g"), plain)
        .map(([records, flag, one]) => [paxEntry(records, flag), one]),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(names, fc.constantFrom("L", "K"), plain)
        .map(([path, flag, one]) => [{ name: "././@LongLink", flag, data: `${path}\0` }, one]),
    },
    // A folder that becomes a link, a link that becomes a folder, and something through it.
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom("a", "b", "d"), targets, fc.boolean(), plain)
        .map(([name, link, isFirst, one]) => {
          const folder: RawEntry = { name: `${name}/`, flag: "5", mode: 0o755 };
          const soft: RawEntry = { name, flag: "2", link };
          return [...(isFirst ? [soft, folder] : [folder, soft]), { ...one, name: `${name}/x` }];
        }),
    },
  );
  return fc
    .record({
      steps: fc.oneof(
        { weight: 1, arbitrary: fc.array(step, { minLength: 1, maxLength: 6 }) },
        // Harmless but for one thing, so that more than the first entry is looked at.
        {
          weight: 2,
          arbitrary: fc
            .tuple(fc.subarray(HARMLESS, { minLength: 2 }), step, fc.nat(20))
            .map(([good, bad, at]) => [...good.slice(0, at), ...(at < 14 ? [bad] : []), ...good.slice(at)]),
        },
      ),
      end: fc.constantFrom(2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 1, 20),
      damage: seldom(fc.tuple(fc.nat(4000), fc.integer({ min: 1, max: 255 }))),
      cut: seldom(fc.nat(4000)),
    })
    .map(({ steps, end, damage, cut }) => {
      const bytes = rawTar(steps.flat() as RawEntry[], end);
      if (damage && damage[0] < bytes.length) bytes[damage[0]] = bytes[damage[0]]! ^ damage[1];
      return cut === null ? bytes : bytes.subarray(0, cut);
    });
}
