/** What of an extension will not work on its base: each rule with a planted fault, and a sound tree without any. */
import { describe, expect, test } from "@jest/globals";
import {
  type Base,
  checkExtension,
  CODES,
  type Extension,
  type Finding,
  inspect,
  kernelsOf,
  parseSysusers,
} from "@tsbake/image";
import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { link, program, type Things, treeOf } from "../support/content-tree.js";
import { elfFile } from "../support/elf.js";
import { root } from "../support/paths.js";

const LIB = "/usr/lib/x86_64-linux-gnu";
const LOADER = "/lib64/ld-linux-x86-64.so.2";
const libc = elfFile({ soname: "libc.so.6", gives: ["GLIBC_2.2.5", "GLIBC_2.34"] });
const starts = { interpreter: LOADER, needed: ["libc.so.6"], wants: { "libc.so.6": ["GLIBC_2.34"] } };

const BASE: Things = {
  "/bin": link("usr/bin"),
  "/sbin": link("usr/sbin"),
  "/lib": link("usr/lib"),
  "/lib64": link("usr/lib64"),
  "/usr/lib64/ld-linux-x86-64.so.2": link("../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
  [`${LIB}/ld-linux-x86-64.so.2`]: program(elfFile({ soname: "ld-linux-x86-64.so.2" })),
  [`${LIB}/libc.so.6`]: program(libc),
  [`${LIB}/libold.so.1.0`]: elfFile({ soname: "libold.so.1", gives: ["OLD_1"] }),
  [`${LIB}/libold.so.1`]: link("libold.so.1.0"),
  "/usr/local/lib/libcached.so.1": elfFile({ soname: "libcached.so.1" }),
  "/usr/bin/sh": program(elfFile(starts)),
  "/usr/bin/env": program(elfFile(starts)),
  "/usr/bin/mawk": program(elfFile(starts)),
  "/usr/bin/awk": link("/etc/alternatives/awk"),
  "/etc/alternatives/awk": link("/usr/bin/mawk"),
  "/usr/bin/useold": program(
    elfFile({ ...starts, needed: ["libold.so.1"], wants: { "libold.so.1": ["OLD_1"] } }),
  ),
  "/usr/sbin/agetty": program(elfFile(starts)),
  "/usr/bin/systemd-confext": program(elfFile(starts)),
  "/usr/lib/systemd/system/multi-user.target": "[Unit]\n",
  "/usr/lib/systemd/system/getty@.service": "[Service]\nExecStart=-/sbin/agetty\n",
  "/usr/lib/modules/6.1.0-9/kernel/a.ko": elfFile({ exported: ["of_a"] }),
  "/boot/System.map-6.1.0-9": "ffffffff81000000 T _text\nffffffff82000000 r __ksymtab_printk\n",
  "/usr/lib/linked": link("../share/real"),
  "/usr/share/real/thing": "",
  "/usr/share/plain": "base\n",
  "/usr/share/glib-2.0/schemas/gschemas.compiled": "base",
  "/usr/share/applications/mimeinfo.cache": "base",
  "/usr/lib/sysusers.d/base.conf": 'g later -\nu boot 77 "made at boot"\n',
  "/etc/passwd": "root:x:0:0::/root:/bin/sh\nmail:x:8:8::/:/x\nnobody:x:65534:65534::/:/x\n",
  "/etc/group": "root:x:0:\nmail:x:8:\nadm:x:4:\nnogroup:x:65534:\n",
  "/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
  "/etc/ld.so.conf.d/local.conf": "# local\n/usr/local/lib\n",
  "/etc/ld.so.cache": "cache",
  "/var/lib": { folder: true },
};

function baseOf(things: Things = BASE, tmpfiles: readonly string[] = ["/etc/made-by-base"]): Base {
  const tree = treeOf(things);
  return {
    name: "device",
    index: tree.index,
    tmpfiles: tmpfiles.map((path) => ({ path, file: "/usr/lib/tmpfiles.d/base.conf" })),
    inspected: inspect(tree),
  };
}
const kernels = await kernelsOf(treeOf(BASE));
const whole = baseOf();
const { inspected } = whole;
const base: Base = {
  ...whole,
  inspected: inspected && { ...inspected, base: { ...inspected.base, kernels } },
};

function found(things: Things, more: Partial<Extension> = {}, on: Base = base): Finding[] {
  return checkExtension({ name: "tools", tree: treeOf(things), ...more }, on);
}
const short = ({ severity, code, path }: Finding): string => `${severity} ${code} ${path}`;

const UNIT = "/usr/lib/systemd/system/x.service";
const service = (...lines: string[]): string => `[Service]\n${lines.join("\n")}\n`;

/** All that a package may have, sound on this base. */
const SOUND: Things = {
  "/usr/bin/tool": program(
    elfFile({ ...starts, needed: ["libtool.so.1", "libc.so.6", "libold.so.1", "libcached.so.1"] }),
  ),
  "/usr/bin/private": program(
    elfFile({ ...starts, needed: ["libprivate.so"], runpath: "$ORIGIN/../lib/tool" }),
  ),
  "/usr/bin/static": program(elfFile({})),
  "/usr/lib/tool/libprivate.so": elfFile({ needed: ["libc.so.6"] }),
  // Loaded by `private`, which has its library by then.
  "/usr/lib/tool/plugins/one.so": elfFile({ needed: ["libprivate.so"] }),
  [`${LIB}/libtool.so.1.2`]: elfFile({ soname: "libtool.so.1", needed: ["libc.so.6"] }),
  [`${LIB}/libtool.so.1`]: link("libtool.so.1.2"),
  // Data, whatever it looks like.
  "/usr/lib/firmware/chip": elfFile({ machine: 94 }),
  "/usr/lib/debug/.build-id/aa/bb.debug": elfFile({ ...starts, needed: ["libnowhere.so"] }),
  "/usr/share/doc/tool/examples/run": program("#!/usr/bin/perl\n"),
  "/usr/share/doc/tool/changelog.gz": link("../nobody/changelog.gz"),
  "/usr/bin/script": program("#! /bin/sh -e\n"),
  "/usr/bin/by-env": program("#!/usr/bin/env -S FOO=1 awk -f\n"),
  "/usr/bin/by-awk": program("#!/usr/bin/awk -f\n"),
  "/usr/lib/tool/run": link("/run/tool"),
  "/usr/lib/tool/state": link("/var/lib/tool/state"),
  "/usr/lib/tool/conf": link("/etc/tool/tool.conf"),
  "/usr/lib/tool/by-base": link("/etc/made-by-base/x"),
  "/usr/lib/tool/hosts": link("../../../etc/hosts"),
  "/usr/lib/tool/above": link("../../../../../../usr/bin/sh"),
  "/usr/share/factory/etc/tool/tool.conf": "",
  "/usr/share/factory/etc/init.d/tool": program("#!/bin/sh\n"),
  "/usr/lib/tmpfiles.d/tools.conf":
    "C /etc/tool/tool.conf - - - -\nd /etc/tool 0755 - - -\nC /etc/init.d/tool - - - - /usr/share/factory/etc/init.d/tool\n" +
    "d /etc/init.d 0755\nd /run/tool 0750 tool :adm\nz /dev/tool - 0 later\n# d /x - ghost\nd /run/%u - %u\n",
  "/usr/lib/sysusers.d/tools.conf": 'u tool - "A tool" /\nu fixed 345:mail\nm boot other\n',
  "/usr/bin/owned": { text: "", uid: 345, gid: 8 },
  [UNIT]: service(
    "ExecStartPre=-/usr/bin/absent",
    "ExecStart=@/usr/bin/tool \\",
    "  # between",
    "  tool",
    "ExecReload=/bin/sh -c ':'",
    "ExecStop=absent",
    "ExecStartPost=%h/x",
    "User=tool",
    "Group=later",
    "SupplementaryGroups=adm other",
  ),
  "/usr/lib/systemd/system/old.service": service("ExecStart=/etc/init.d/tool start"),
  "/usr/lib/systemd/system/dynamic.service": service(
    "User=ghost",
    "DynamicUser=yes",
    "ExecStart=",
    "ExecStart=/bin/sh",
  ),
  "/usr/lib/systemd/system/optional.service": `[Unit]\nConditionFileIsExecutable=/usr/bin/absent\n${service("ExecStart=/usr/bin/absent")}`,
  "/usr/lib/systemd/system/masked.service": link("/dev/null"),
  "/usr/lib/systemd/system/multi-user.target.wants/x.service": link("../x.service"),
  "/usr/lib/systemd/system/multi-user.target.wants/getty@tty9.service": link("../getty@tty9.service"),
  "/usr/lib/systemd/user/u.service": service("ExecStart=/bin/sh", "User=ghost"),
  "/usr/share/dbus-1/system-services/x.service":
    "[D-BUS Service]\nName=x\nExec=/bin/false\nSystemdService=x.service\nUser=tool\n",
  "/usr/share/dbus-1/system.d/x.conf":
    '<policy user="tool"/><!-- <policy group="ghost"> --><policy group="later">',
  "/usr/lib/udev/rules.d/60-x.rules":
    'ACTION=="add", GROUP="adm", MODE="0660", RUN+="/bin/sh -c x"\nTEST=="/usr/bin/absent", RUN+="/usr/bin/absent"\nPROGRAM=="$env{X}"\nGROUP=="ghost", RUN{builtin}+="kmod load x"\n',
  "/usr/share/plain": "base\n",
  "/usr/share/real": { folder: true },
  "/usr/lib/modules/6.1.0-9/extra/b.ko": elfFile({
    modinfo: ["depends="],
    undefinedSymbols: ["printk", "of_a", "?weak", "_GLOBAL_OFFSET_TABLE_"],
    exported: ["of_b"],
  }),
  "/usr/lib/modules/6.1.0-9/extra/b-user.ko": elfFile({ modinfo: ["depends=a,b"] }),
  // Nobody reads schemas, and the application opens no files.
  "/usr/share/glib-2.0/schemas/x.gschema.xml": "<schemalist/>",
  "/usr/share/applications/tool.desktop": "[Desktop Entry]\nName=tool\n",
  "/usr/lib/modules/6.1.0-9/build": link("/usr/src/linux"),
};

test("nothing is found in what is sound", () => {
  const more = {
    requiredCommands: ["tool", "awk"],
    requiredPaths: ["/etc/tool/tool.conf", "/usr/share/plain"],
  };
  expect(found(SOUND, { ...more, skippedScripts: new Set(["tool"]) }).map(short)).toEqual([]);
});

/** What is planted beside all that is sound, and what is found then. */
const FAULTS: readonly (readonly [
  title: string,
  planted: Things,
  expected: string,
  more?: Partial<Extension>,
])[] = [
  [
    "a command needs a library that nobody has",
    { "/usr/bin/bad": program(elfFile({ ...starts, needed: ["libno.so.1"] })) },
    "error missing-library /usr/bin/bad",
  ],
  [
    "so does a module of a program",
    { "/usr/lib/tool/plugins/bad.so": elfFile({ needed: ["libno.so.1"] }) },
    "warning missing-library /usr/lib/tool/plugins/bad.so",
  ],
  [
    "a library is where nobody looks",
    { "/usr/bin/bad": program(elfFile({ ...starts, needed: ["libprivate.so"] })) },
    "error library-not-searched /usr/bin/bad",
  ],
  [
    "a library is where only a cache would tell of it",
    {
      "/usr/local/lib/libnew.so.1": elfFile({ soname: "libnew.so.1" }),
      "/usr/bin/bad": program(elfFile({ ...starts, needed: ["libnew.so.1"] })),
    },
    "error library-not-searched /usr/bin/bad",
  ],
  [
    "the libc of the base is too old",
    { "/usr/bin/bad": program(elfFile({ ...starts, wants: { "libc.so.6": ["GLIBC_2.99"] } })) },
    "error missing-symbol-version /usr/bin/bad",
  ],
  [
    "the loader is another libc's",
    { "/usr/bin/bad": program(elfFile({ interpreter: "/lib/ld-musl-x86_64.so.1" })) },
    "error missing-loader /usr/bin/bad",
  ],
  [
    "a program is for another machine",
    { "/usr/bin/bad": program(elfFile({ ...starts, machine: 183 })) },
    "error foreign-machine /usr/bin/bad",
  ],
  [
    "a library of the base comes first",
    { "/usr/lib/libcached.so.1": elfFile({ soname: "libcached.so.1" }) },
    "warning hidden-library /usr/lib/libcached.so.1",
  ],
  [
    "a script's interpreter is missing",
    { "/usr/bin/bad": program("#!/usr/bin/perl -w\n") },
    "error missing-interpreter /usr/bin/bad",
  ],
  [
    "env finds nothing",
    { "/usr/sbin/bad": program("#!/usr/bin/env python3\n") },
    "error missing-interpreter /usr/sbin/bad",
  ],
  [
    "a helper's interpreter is missing",
    { "/usr/libexec/bad": program("#!/usr/bin/perl\n") },
    "warning missing-interpreter /usr/libexec/bad",
  ],
  ["a link leads nowhere", { "/usr/bin/bad": link("nowhere") }, "error dangling-link /usr/bin/bad"],
  [
    "a link leads through another one nowhere",
    { "/usr/lib/tool/a": link("b/c"), "/usr/lib/tool/b": link("/opt/nowhere") },
    "error dangling-link /usr/lib/tool/a",
  ],
  [
    "an alternative that no script has made",
    { "/usr/bin/bad": link("/etc/alternatives/bad") },
    "error dangling-link /usr/bin/bad",
  ],
  [
    "data leads nowhere",
    { "/usr/share/tool/bad": link("nowhere") },
    "warning dangling-link /usr/share/tool/bad",
  ],
  [
    "configuration that nobody ships",
    { "/usr/lib/tool/bad": link("/etc/nowhere") },
    "warning dangling-link /usr/lib/tool/bad",
  ],
  [
    "a unit is wanted that is not there",
    { "/usr/lib/systemd/system/multi-user.target.wants/bad.service": link("../bad.service") },
    "error dangling-link /usr/lib/systemd/system/multi-user.target.wants/bad.service",
  ],
  [
    "links in a circle",
    { "/usr/lib/tool/a": link("b"), "/usr/lib/tool/b": link("a") },
    "error link-loop /usr/lib/tool/a",
  ],
  ["a link to itself", { "/usr/lib/tool/bad": link("bad") }, "error link-loop /usr/lib/tool/bad"],
  ["a unit's user", { [UNIT]: service("User=ghost") }, `error missing-user ${UNIT}`],
  [
    "a drop-in's user",
    { [`${UNIT}.d/10-x.conf`]: service("User=ghost") },
    `error missing-user ${UNIT}.d/10-x.conf`,
  ],
  ["a unit's group", { [UNIT]: service("Group=ghost") }, `error missing-group ${UNIT}`],
  [
    "one of a unit's further groups",
    { [UNIT]: service("DynamicUser=yes", "SupplementaryGroups=adm ghost") },
    `error missing-group ${UNIT}`,
  ],
  [
    "a socket's group",
    { "/usr/lib/systemd/system/x.socket": "[Socket]\nSocketGroup=ghost\n" },
    "error missing-group /usr/lib/systemd/system/x.socket",
  ],
  [
    "a user in tmpfiles.d",
    { "/usr/lib/tmpfiles.d/bad.conf": "d /run/x 0755 ghost root\n" },
    "error missing-user /usr/lib/tmpfiles.d/bad.conf",
  ],
  [
    "a group in tmpfiles.d",
    { "/usr/lib/tmpfiles.d/bad.conf": "z /run/x - - ghost\n" },
    "error missing-group /usr/lib/tmpfiles.d/bad.conf",
  ],
  [
    "the user of a D-Bus service",
    { "/usr/share/dbus-1/system-services/bad.service": "[D-BUS Service]\nExec=/bin/sh\nUser=ghost\n" },
    "error missing-user /usr/share/dbus-1/system-services/bad.service",
  ],
  [
    "the group of a D-Bus policy",
    { "/usr/share/dbus-1/system.d/bad.conf": '<policy group="ghost">' },
    "warning missing-group /usr/share/dbus-1/system.d/bad.conf",
  ],
  [
    "the owner that a rule of udev gives",
    { "/usr/lib/udev/rules.d/70-bad.rules": 'KERNEL=="x", OWNER="ghost"\n' },
    "warning missing-user /usr/lib/udev/rules.d/70-bad.rules",
  ],
  [
    "a path belongs to nobody",
    { "/usr/lib/tool/bad": { text: "", uid: 4711 } },
    "warning unknown-owner /usr/lib/tool/bad",
  ],
  [
    "a path is of a group that is nobody's",
    { "/usr/lib/tool/bad": { text: "", gid: 4711 } },
    "warning unknown-owner /usr/lib/tool/bad",
  ],
  [
    "an id is somebody else's, and files carry it",
    { "/usr/lib/sysusers.d/bad.conf": "g new 8\n", "/usr/lib/tool/bad": { text: "", gid: 8 } },
    "error account-conflict /usr/lib/sysusers.d/bad.conf",
  ],
  [
    "a name has another id",
    { "/usr/lib/sysusers.d/bad.conf": "u mail 9:8\n" },
    "warning account-conflict /usr/lib/sysusers.d/bad.conf",
  ],
  [
    "the program of a unit",
    { [UNIT]: service("ExecStart=!!/usr/bin/absent --x") },
    `error missing-program ${UNIT}`,
  ],
  [
    "what a unit does in the end",
    { [UNIT]: service("ExecStopPost=/usr/bin/absent") },
    `warning missing-program ${UNIT}`,
  ],
  [
    "a unit of users",
    { "/usr/lib/systemd/user/bad.service": service('ExecStart="/usr/bin/absent"') },
    "error missing-program /usr/lib/systemd/user/bad.service",
  ],
  [
    "the program of a D-Bus service",
    { "/usr/share/dbus-1/services/bad.service": "[D-BUS Service]\nExec=/usr/bin/absent\n" },
    "error missing-program /usr/share/dbus-1/services/bad.service",
  ],
  [
    "the program of a rule of udev",
    { "/usr/lib/udev/rules.d/70-bad.rules": 'KERNEL=="x", RUN+="helper a b"\n' },
    "warning missing-program /usr/lib/udev/rules.d/70-bad.rules",
  ],
  [
    "the program of an action",
    {
      "/usr/share/polkit-1/actions/bad.policy":
        '<annotate key="org.freedesktop.policykit.exec.path">/usr/bin/absent</annotate>',
    },
    "warning missing-program /usr/share/polkit-1/actions/bad.policy",
  ],
  [
    "the interpreter of a unit's program",
    { [UNIT]: service("ExecStart=/usr/lib/tool/start"), "/usr/lib/tool/start": program("#!/usr/bin/perl\n") },
    "error missing-interpreter /usr/lib/tool/start",
  ],
  [
    "a library of the base is another one",
    { [`${LIB}/libold.so.1.0`]: elfFile({ soname: "libold.so.1", gives: ["OLD_1", "OLD_2"] }) },
    `error hides-library ${LIB}/libold.so.1.0`,
  ],
  [
    "a cache of the base is hidden",
    { "/usr/share/glib-2.0/schemas/gschemas.compiled": "mine" },
    "error hides-cache /usr/share/glib-2.0/schemas/gschemas.compiled",
  ],
  [
    "schemas that are in no cache",
    { "/usr/share/glib-2.0/schemas/x.gschema.xml": "<schemalist/>", [`${LIB}/libgio-2.0.so.0`]: elfFile({}) },
    "error missing-cache /usr/share/glib-2.0/schemas/x.gschema.xml",
  ],
  [
    "an application that the base's cache of MIME types does not know",
    { "/usr/share/applications/x.desktop": "[Desktop Entry]\nMimeType=text/x;\n" },
    "warning missing-cache /usr/share/applications/x.desktop",
  ],
  [
    "a module without the one that it needs",
    {
      "/usr/lib/modules/6.1.0-9/extra/c.ko": elfFile({ modinfo: ["license=GPL", "depends=b,snd-absent"] }),
    },
    "error missing-module /usr/lib/modules/6.1.0-9/extra/c.ko",
  ],
  [
    "a module with a symbol that nobody exports",
    {
      "/usr/lib/modules/6.1.0-9/extra/c.ko": elfFile({
        undefinedSymbols: ["printk", "of_b", "of_a", "?weak", "absent"],
      }),
    },
    "error missing-kernel-symbol /usr/lib/modules/6.1.0-9/extra/c.ko",
  ],
  ["a file of the base is hidden", { "/usr/share/plain": "mine\n" }, "warning hides-file /usr/share/plain"],
  ["a folder where the base has a link", { "/usr/lib/linked/mine": "" }, "error kind-clash /usr/lib/linked"],
  ["a file where the base has a folder", { "/usr/share/real": "" }, "error kind-clash /usr/share/real"],
  [
    "a line of tmpfiles.d below somebody's folder",
    {
      "/usr/lib/tmpfiles.d/bad.conf":
        "d /var/lib/x 0700 nobody root\nd /var/lib/x/own 0700 nobody root\nC /var/lib/x/r - - - - /usr/share/plain\n",
    },
    "warning unsafe-path /var/lib/x/r",
  ],
  ["a path that is not merged", { "/etc/bad.conf": "" }, "warning not-merged /etc"],
  ["os-release", { "/usr/lib/os-release": "ID=x\n" }, "error ships-os-release /usr/lib/os-release"],
  [
    "modules of another kernel",
    { "/usr/lib/modules/5.0/b.ko.xz": "" },
    "error foreign-kernel /usr/lib/modules/5.0",
  ],
  [
    "a unit that nothing enables",
    {
      "/usr/lib/systemd/system/bad.service": {
        text: "[Install]\nWantedBy=multi-user.target\n",
        package: "tool",
      },
    },
    "warning never-started /usr/lib/systemd/system/bad.service",
    { skippedScripts: new Set(["tool"]) },
  ],
  [
    "a command that was promised",
    {},
    "error missing-command absent",
    { requiredCommands: ["tool", "absent"] },
  ],
  ["a file that is no command", {}, "error missing-command owned", { requiredCommands: ["owned"] }],
  [
    "a path that was promised",
    {},
    "error missing-path /usr/share/absent",
    { requiredPaths: ["/usr/share/absent"] },
  ],
  [
    "a unit that writes where a confext lets nobody write",
    { "/usr/lib/systemd/system/keys.service": "[Unit]\nConditionPathIsReadWrite=/etc\n" },
    "error read-only-etc /usr/lib/systemd/system/keys.service",
    { companion: treeOf({ "/etc/extension-release.d/extension-release.tools": "" }) },
  ],
];

/** A base that merges no confext. */
const { "/usr/bin/systemd-confext": _gone, ...without } = BASE;
const older = baseOf(without);
const CONFEXT: Things = { "/etc/extension-release.d/extension-release.tools": "", "/etc/tool/tool.conf": "" };

describe("a confext that comes with an extension", () => {
  test("is looked at, and each of both knows what the other one has", () => {
    const things = {
      "/usr/lib/conf": link("/etc/tool/tool.conf"),
      "/usr/bin/tool": program(elfFile(starts)),
    };
    const companion = treeOf({ ...CONFEXT, "/etc/tool/link": link("/usr/bin/tool") });
    const more = { requiredPaths: ["/etc/tool/tool.conf"] };
    expect(found(things, { companion, ...more })).toEqual([]);
    expect(found(things, more).map(short)).toContain("error missing-path /etc/tool/tool.conf");
    const broken = treeOf({ ...CONFEXT, "/etc/systemd/system/x.service": service("User=ghost") });
    expect(found(things, { companion: broken }).map(short)).toEqual([
      "error missing-user /etc/systemd/system/x.service",
    ]);
  });

  test("and a confext alone, need a base that merges them", () => {
    const stamp = "error missing-confext /etc/extension-release.d/extension-release.tools";
    expect(found({}, { companion: treeOf(CONFEXT) }, older).map(short)).toEqual([stamp]);
    expect(found(CONFEXT, {}, older).map(short)).toEqual([stamp]);
    expect(found(CONFEXT)).toEqual([]);
  });
});

describe("a planted fault", () => {
  test.each(FAULTS)("%s", (_title, planted, expected, more = {}) => {
    const all = found({ ...SOUND, ...planted }, more);
    expect(all.map(short)).toContain(expected);
    // Nothing else than that, but for what the same thing means to another rule.
    const [, code] = expected.split(" ");
    const others = all.filter((one) => one.code !== code && one.severity === "error").map(short);
    expect(others.filter((one) => !/ (dangling-link|link-loop|missing-group) /.test(one))).toEqual([]);
    for (const { message, help } of all) expect([message, help].join("")).not.toMatch(/undefined|\[object/);
  });

  test("a library that is too old breaks programs of the base", () => {
    const all = found({ [`${LIB}/libold.so.1.0`]: elfFile({ soname: "libold.so.1", gives: ["OLD_0"] }) });
    expect(all.find(({ code }) => code === "missing-symbol-version")?.message).toContain(
      "/usr/bin/useold of device wants",
    );
  });

  describe("what was built with another version", () => {
    const ofPackage = (text: Buffer, owner: string) => ({ ...program(text), package: owner });
    const user = { ...starts, needed: ["libold.so.1"], wants: { "libold.so.1": ["OLD_1"] } };
    const older = elfFile({ soname: "libold.so.1", gives: ["OLD_1"] });
    const newer = elfFile({ soname: "libold.so.1", gives: ["OLD_1", "OLD_2"] });
    const [LIBRARY, KERNEL] = [`${LIB}/libold.so.1.0`, "/usr/lib/modules/6.1.0-9"];
    const device: Base = {
      ...baseOf({
        ...BASE,
        [LIBRARY]: ofPackage(older, "libold1"),
        "/usr/bin/useold": ofPackage(elfFile(user), "users"),
        "/usr/bin/local": elfFile(user),
        [`${KERNEL}/modules.builtin`]: { text: "", package: "linux-image" },
        [`${KERNEL}/kernel/a.ko`]: { text: "", package: "linux-image" },
        [`${KERNEL}/updates/vendor.ko`]: { text: "", package: "vendor-modules" },
      }),
      packages: [
        { name: "libold1", depends: [] },
        { name: "users", depends: ["libold1"] },
        { name: "scripts", depends: ["libold1", "users"] },
        { name: "others", depends: ["scripts"] },
      ],
    };
    const changed = [{ name: "libold1", from: "1.0-1", to: "1.1-1" }];
    const rebuilt = (things: Things, more: Partial<Extension> = {}, on = device) =>
      found(things, { mayHide: () => true, ...more }, on).filter(({ code }) => code === "must-be-rebuilt");

    test("with a library: by what it is wanted for, and by dependencies", () => {
      const [one, ...others] = rebuilt({ [LIBRARY]: newer }, { changed });
      expect(others).toEqual([]);
      expect(one).toMatchObject({
        severity: "warning",
        path: LIBRARY,
        rebuild: [
          { package: "/usr/bin/local", because: ["libold.so.1: OLD_1"] },
          { package: "scripts", because: ["depends on it"] },
          { package: "users", because: ["libold.so.1: OLD_1", "depends on it"] },
        ],
      });
      expect(one!.message).toContain("libold1 1.1-1 instead of 1.0-1 in device (libold.so.1)");
    });

    test("a library at another path that programs of the base find first", () => {
      const first = rebuilt({ [`${LIB}/libold.so.1`]: newer });
      expect(first).toMatchObject([{ path: `${LIB}/libold.so.1`, rebuild: [{}, { package: "users" }] }]);
      expect(first[0]!.rebuild!.map((one) => one.package)).toEqual(["/usr/bin/local", "users"]);
    });

    test.each<[string, Things, Partial<Extension>]>([
      ["the same library", { [LIBRARY]: older }, {}],
      [
        "what the extension has in their place, too",
        { [LIBRARY]: newer, "/usr/bin/useold": "", "/usr/bin/local": "" },
        {},
      ],
      ["a library that nothing of the base gets", { "/usr/lib/tool/libold.so.1": newer }, {}],
      [
        "a package without libraries",
        { "/usr/share/x": "" },
        { changed: [{ name: "scripts", from: "1", to: "2" }] },
      ],
    ])("nobody has to be, by %s", (_title, things, more) => {
      expect(rebuilt(things, more)).toEqual([]);
    });

    test("with a kernel: modules that are not its own", () => {
      const kernel = { "/usr/lib/modules/6.2/modules.builtin": "" };
      expect(rebuilt(kernel)).toMatchObject([
        {
          path: "/usr/lib/modules/6.2/modules.builtin",
          rebuild: [{ package: "vendor-modules", because: ["modules for 6.1.0-9"] }],
        },
      ]);
      expect(rebuilt({ [`${KERNEL}/modules.builtin`]: "" })).toEqual([]);
    });
  });

  test("two extensions with one path", () => {
    const other: Extension = {
      name: "other",
      tree: treeOf({ "/usr/share/both": "2", "/usr/share/same": "1" }),
    };
    const own: Extension = { name: "own", tree: treeOf({ "/usr/share/both": "1", "/usr/share/same": "1" }) };
    expect(checkExtension(own, base, [other]).map(short)).toEqual([
      "error extensions-differ /usr/share/both",
    ]);
  });

  test("what the maker of the extension knows of, hides nothing", () => {
    const cache = "/usr/share/glib-2.0/schemas/gschemas.compiled";
    expect(found({ [cache]: "both" }, { mayHide: (path) => path === cache })).toEqual([]);
  });

  test("every code is planted here, or is of its own test", () => {
    const planted = new Set(FAULTS.map(([, , expected]) => expected.split(" ")[1]));
    // unit/image-chain, unit/image-check-program.
    const elsewhere = ["missing-confext", "missing-extension", "not-looked-at", "not-taken"];
    const own = [...elsewhere, "extensions-differ", "must-be-rebuilt"];
    expect(CODES.map(({ code }) => code).filter((code) => !planted.has(code) && !own.includes(code))).toEqual(
      [],
    );
  });
});

describe("what a kernel exports is known", () => {
  const folder = "/usr/lib/modules/6.12";
  const image = (packed: Buffer): Buffer => {
    const head = Buffer.alloc(1024);
    head[0x1f1] = 1;
    head.write("HdrS", 0x202);
    head.writeUInt32LE(packed.length, 0x24c);
    return Buffer.concat([head, packed]);
  };
  const kernel = elfFile({ kind: "executable", exported: ["printk", "kfree"] });
  const module = elfFile({ exported: ["of_a"] });

  test.each<[string, Things, readonly string[] | undefined]>([
    [
      "by Module.symvers",
      { [`${folder}/Module.symvers`]: "0x1a\tkfree\tvmlinux\tEXPORT_SYMBOL\t\n" },
      ["kfree"],
    ],
    [
      "by itself",
      { "/boot/vmlinuz-6.12": image(gzipSync(kernel)), [`${folder}/a.ko`]: module },
      ["kfree", "of_a", "printk"],
    ],
    [
      "with what depmod has listed of modules that are packed",
      {
        "/boot/vmlinuz-6.12": image(gzipSync(kernel)),
        [`${folder}/a.ko.xz`]: "packed",
        [`${folder}/modules.symbols`]: "# Aliases\nalias symbol:of_a a\n",
      },
      ["kfree", "of_a", "printk"],
    ],
    [
      "not where its modules are packed",
      { "/boot/vmlinuz-6.12": image(gzipSync(kernel)), [`${folder}/a.ko.xz`]: "" },
      undefined,
    ],
    [
      "not where it is damaged",
      { "/boot/vmlinuz-6.12": image(Buffer.from("\x1f\x8bno")), [`${folder}/a.ko`]: module },
      undefined,
    ],
    [
      "not where nothing tells",
      { [`${folder}/a.ko`]: module, "/boot/System.map-6.12": "0 B The real one\n" },
      undefined,
    ],
  ])("%s", async (_how, things, symbols) => {
    expect(await kernelsOf(treeOf(things))).toEqual(symbols ? [{ version: "6.12", symbols }] : []);
  });
});

test("a base of which less is known: one warning, and the rules about paths", () => {
  const things = {
    "/usr/bin/bad": program(elfFile({ needed: ["libno.so"] })),
    "/usr/bin/gone": link("nowhere"),
    [UNIT]: service("User=ghost"),
  };
  const all = found(things, {}, { ...base, inspected: undefined });
  expect(all.map(short)).toEqual(["error dangling-link /usr/bin/gone", "warning not-looked-at /"]);
});

describe("what is hostile", () => {
  test("tables without end, zero bytes, long lines: an answer, and soon", () => {
    const many = "d /run/x 0755 ghost ghost\n".repeat(30_000);
    const units = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [
        `/usr/lib/systemd/system/u${index}.service`,
        service(`User=ghost${index}`),
      ]),
    );
    const chain = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [
        `/usr/lib/c/${index}`,
        link(`${index + 1}/x/${"y/".repeat(200)}`),
      ]),
    );
    const begun = performance.now();
    const all = found({
      ...units,
      ...chain,
      "/usr/lib/tmpfiles.d/many.conf": many,
      "/usr/lib/tmpfiles.d/zero.conf": "d /run/\0x - ghost\n",
      "/usr/lib/sysusers.d/x.conf": `u ${"a".repeat(100_000)} ${"9".repeat(100_000)}\nu "" -\nu .. -\n`,
      "/usr/lib/udev/rules.d/x.rules": `${'RUN+="'.repeat(50_000)}\n`,
      "/usr/share/dbus-1/system.d/x.conf": "<policy ".repeat(50_000),
      "/usr/share/dbus-1/system.d/y.conf": "<!--".repeat(200_000),
      "/usr/share/polkit-1/actions/x.policy": 'key="org.freedesktop.policykit.exec.path">'.repeat(20_000),
      "/usr/lib/udev/rules.d/y.rules": "A".repeat(500_000),
      "/usr/lib/udev/rules.d/z.rules": "A{".repeat(300_000),
      "/usr/lib/tmpfiles.d/circle.conf":
        "C /etc/a - - - - /etc/b\nC /etc/b - - - - /etc/a\nL /etc/l - - - - /etc/l\n",
      "/usr/lib/x/a": link("/etc/a"),
      "/usr/lib/x/l": link("/etc/l"),
      "/usr/lib/systemd/system/long.service": `[Service]\n${"x\\\n".repeat(200_000)}`,
      "/usr/bin/bang": program(`#!${"/".repeat(255)}`),
      "/usr/bin/zero": program("#!/bin/\0sh\n"),
      [`${LIB}/libdeep.so`]: elfFile({
        needed: Array.from({ length: 200 }, (_, index) => `lib${index}.so`),
      }),
    });
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(all.filter(({ code }) => code === "missing-user").length).toBeLessThanOrEqual(101);
    expect(all.filter(({ code }) => code === "missing-library").length).toBeLessThanOrEqual(100);
  }, 60_000);

  test("any bytes in any file that is read", () => {
    const codes = CODES.map(({ code }) => code);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.string({ maxLength: 60 }), (bytes, text) => {
        const content = Buffer.from(bytes);
        const all = found({
          "/usr/bin/x": program(content),
          "/usr/bin/y": program(`#!${text}`),
          [UNIT]: `[Service]\nUser=${text}\nExecStart=${text}\n${content.toString("latin1")}`,
          "/usr/lib/tmpfiles.d/x.conf": `${text}\nd ${text}\n`,
          "/usr/lib/sysusers.d/x.conf": `u ${text}\n${text}`,
          "/usr/lib/udev/rules.d/x.rules": text,
          "/usr/share/l": link(text),
        });
        for (const { code } of all) expect(codes).toContain(code);
      }),
      { numRuns: 60 },
    );
  });
});

test.each([
  ['u name 12 "x y" /home', [{ users: ["name"], groups: ["name"], uid: 12, gid: 12 }]],
  ["u! name 12:13", [{ users: ["name"], groups: [], uid: 12, gid: 13 }]],
  ["u name -:grp", [{ users: ["name"], groups: ["grp"] }]],
  ["u name /usr/bin/x", [{ users: ["name"], groups: ["name"] }]],
  ["g grp 5", [{ users: [], groups: ["grp"], gid: 5 }]],
  ["m name grp", [{ users: ["name"], groups: ["grp"] }]],
  ["r - 500-900\n# u x\n\nx y", []],
])("sysusers.d: %s", (line, expected) => {
  const type = line.slice(0, 1);
  expect(parseSysusers(line, "f")).toEqual(expected.map((one) => ({ file: "f", type, ...one })));
});

test.each([
  ["include *.conf\n", { "/etc/one.conf": "/opt/one\n", "/etc/two.cnf": "/opt/two\n" }, ["/opt/one"]],
  [
    "include /etc/d/?*a*.conf\n/opt/b/\n",
    { "/etc/d/xa.conf": "/opt/a", "/etc/d/a.conf": "/opt/no" },
    ["/opt/a", "/opt/b"],
  ],
  ["include /etc/ld.so.conf\ninclude /etc/l\n/x=y # z\n", { "/etc/l": link("ld.so.conf") }, ["/x"]],
  [`include /etc/${"*a".repeat(40)}b\n`, { [`/etc/${"a".repeat(250)}`]: "/opt/no" }, []],
])("ld.so.conf %j", (text, more, folders) => {
  const { base: facts } = inspect(treeOf({ "/etc/ld.so.conf": text, ...(more as Things) }));
  expect(facts.libraryFolders).toEqual(folders);
});

test("the manual has the table of codes", () => {
  const page = readFileSync(join(root, "docs/manual.md"), "utf8");
  const rows = CODES.map(
    ({ code, severity, meaning }) =>
      `| \`${code}\` | ${severity === "either" ? "error or warning" : severity} | ${meaning} |\n`,
  );
  expect(page).toContain(`| Code | Severity | What was found |\n|---|---|---|\n${rows.join("")}\n`);
});
