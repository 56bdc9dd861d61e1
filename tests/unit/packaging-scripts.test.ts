/** What maintainer scripts make and change, told without running them: the table of what is per device, modes, marks of apt. */
import { describe, expect, test } from "@jest/globals";
import {
  PER_DEVICE,
  completeRoot,
  extendedStates,
  firstBootUnits,
  normaliseRoot,
  scriptEffects,
  scriptModes,
  scriptThatMakes,
  unitFiles,
  type PackageDatabase,
  type SkippedScript,
} from "@tsbake/packaging";
import { lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Sandbox } from "@tsbake/sandbox";
import { run } from "../support/command.js";
import { root as project } from "../support/paths.js";
import { temporaryFolder } from "../support/temporary.js";

function script(text: string, name: SkippedScript["script"] = "postinst"): SkippedScript {
  return { package: "pkg", version: "1", script: name, sha256: "", text: `#!/bin/sh\nset -e\n${text}\n` };
}

/** The bits that stay of 0o7777 at `path`, in octal. */
function left(text: string, path: string, owner = "pkg"): string {
  const { rules } = scriptModes([script(text)]);
  const mask = rules
    .filter((rule) => rule.matches(path) && (!rule.isOwnOnly || owner === "pkg"))
    .reduce((all, rule) => all & rule.mask & (rule.dropsSetId ? 0o1777 : 0o7777), 0o7777);
  return mask.toString(8);
}

describe("links of update-alternatives", () => {
  const links = (text: string) =>
    scriptModes([script(text)]).alternatives.map(({ link, path }) => `${link} ${path}`);

  test.each([
    ["plainly", "update-alternatives --install /bin/nc nc /bin/nc.openbsd 50", ["/bin/nc /bin/nc.openbsd"]],
    [
      "with others, over lines, in a branch",
      'if [ "$1" = configure ]; then\n  update-alternatives --quiet --install /usr/bin/vi vi /usr/bin/vim.basic 30 \\\n    --slave /usr/share/man/man1/vi.1.gz vi.1.gz /usr/share/man/man1/vim.1.gz\nfi',
      ["/usr/bin/vi /usr/bin/vim.basic", "/usr/share/man/man1/vi.1.gz /usr/share/man/man1/vim.1.gz"],
    ],
    [
      "by variables and loops",
      "for i in editor vi; do\n  update-alternatives --install /usr/bin/$i $i /usr/bin/nano 40\ndone",
      ["/usr/bin/editor /usr/bin/nano", "/usr/bin/vi /usr/bin/nano"],
    ],
    ["not what is removed", "update-alternatives --remove nc /bin/nc.openbsd", []],
    ["not what only running it would tell", 'update-alternatives --install "$(which x)" x /bin/x 1', []],
  ])("are read %s", (_how, text, expected) => {
    expect(links(text)).toEqual(expected);
  });
});

describe("modes that scripts make narrower", () => {
  test.each([
    ["plainly", "chmod 440 /etc/x", "440"],
    ["in a branch", 'if [ -f /etc/x ]; then\n  chown root:root /etc/x\n  chmod 0440 "/etc/x"\nfi', "440"],
    ["after a test", "[ ! -e /etc/x ] || chmod 600 /etc/x >/dev/null 2>&1 || true", "600"],
    ["by letters", "chmod u=rw,g=r,o= /etc/x", "1640"],
    ["taking away", "chmod go-rwx /etc/x", "7700"],
    ["several at once", "chmod 600 /etc/y /etc/x", "600"],
    ["by an override", "dpkg-statoverride --quiet --update --add root root 0700 /etc/x", "700"],
    ["by variables", "FILE=/etc/x MODE=640\nchmod $MODE ${FILE}", "640"],
    ["below DPKG_ROOT", 'chmod 640 "$DPKG_ROOT/etc/x"', "640"],
    ["in a loop", 'for name in x y; do\n  chmod 0640 "/etc/$name"\ndone', "640"],
    ["in a function", 'narrow() {\n  chmod "$1" "$2"\n}\nnarrow 0600 /etc/x', "600"],
    [
      "by variables of a function",
      'f () {\n DIR="${1}"\n MODE=$2\n chmod ${MODE} ${DIR}\n}\nf /etc/x 750\nf /etc/y 700',
      "750",
    ],
    ["by a pattern", "chmod 600 /etc/*", "600"],
    ["a whole folder", "chmod -R o-rwx /etc", "7770"],
    ["by find", "find /etc -type f -exec chmod 0640 {} \\;", "640"],
    ["by find and xargs", "find /etc -print0 | xargs -0 chmod 0640", "640"],
    [
      "by find and read",
      'find \\\n  /etc /var |\n  while read name; do\n    chmod o-rwx "$name"\ndone',
      "7770",
    ],
    ["by install", "install -o root -g root -m 0600 /usr/share/x /etc/x", "600"],
    ["with a name that is half known", 'chmod 640 "/etc/conf/$(hostname)"; chmod 640 "/etc/x"', "640"],
    ["in the branch of a case", 'case "$1" in\n  configure)\n    chmod 0700 /etc/x\n    ;;\nesac', "700"],
    ["after a here-document", "cat >/tmp/f <<EOF\nchmod 777 'unclosed\nEOF\nchmod 600 /etc/x", "600"],
  ])("%s", (_how, text, bits) => {
    expect(left(text, "/etc/x")).toBe(bits);
  });

  test.each([
    ["wider modes", "chmod a+r /etc/x; chmod u+s /etc/x"],
    ["other paths", "chmod 600 /etc/xx; chmod 600 /etc"],
    [
      "what is a comment, a text or a document",
      "# chmod 600 /etc/x\necho 'chmod 600 /etc/x'\ncat <<X\nchmod 600 /etc/x\nX",
    ],
    ["temporary files", 'T=$(mktemp)\nchmod 600 "$T"'],
    ["folders that are there", "mkdir -m 0700 -p /etc/x"],
  ])("not %s", (_what, text) => {
    expect(left(text, "/etc/x")).toBe("7777");
    expect(scriptModes([script(text)]).unread).toEqual([]);
  });

  test("set-id bits go where another owner would have got them", () => {
    expect(left("chown root:games /etc/x", "/etc/x")).toBe("1777");
    expect(left("dpkg-statoverride --update --add root crontab 2755 /etc/x", "/etc/x")).toBe("755");
    expect(left("chown root:root /etc/x; chown 0 /etc/x", "/etc/x")).toBe("7777");
  });

  test("a pattern with an unknown end counts for the script's own package", () => {
    const text = 'chmod 640 "/etc/conf/$(cat list)"';
    expect(left(text, "/etc/conf/a/b")).toBe("640");
    expect(left(text, "/etc/conf/a/b", "other")).toBe("7777");
  });

  test.each([
    ["a path", 'chmod 600 "$UNSET"'],
    ["a mode", 'chmod "$(cat mode)" /etc/x'],
    ["an override's path", 'dpkg-statoverride --update --add root root 0700 "$(cat path)"'],
  ])("%s that only running it would tell is named", (_what, text) => {
    expect(scriptModes([script(text)]).unread).toEqual([{ package: "pkg", script: "postinst", text }]);
  });

  test("a script in another language that sets modes is named, one that does not is not", () => {
    const perl = (text: string): SkippedScript => ({ ...script(""), text: `#!/usr/bin/perl\n${text}\n` });
    expect(scriptModes([perl("chmod 0600, $file;")]).unread).toHaveLength(1);
    expect(scriptModes([perl("print 1;")]).unread).toEqual([]);
  });

  test("scripts that run when a package goes do not count", () => {
    expect(scriptModes([script("chmod 600 /etc/x", "postrm")]).rules).toEqual([]);
  });

  test("folders at the root that lead into /usr count as there", () => {
    expect(left("chmod 600 /lib/x", "/usr/lib/x")).toBe("600");
  });
});

/** Runs things where the test runs. */
const here: Sandbox = {
  isFake: false,
  run: (command: string, args: readonly string[], options = {}) => run(command, args, options),
} as unknown as Sandbox;

function database(names: readonly string[], files: readonly string[] = []): PackageDatabase {
  return {
    backend: "deb",
    architecture: "amd64",
    packages: names.map((name) => ({
      name,
      version: "1",
      architecture: name.startsWith("all-") ? "all" : "amd64",
      state: "installed",
      stanza: new Map([
        ...(name === "essential" ? [["Essential", "yes"] as const] : []),
        ...(name === "provider" ? [["Provides", "virtual (= 1)"] as const] : []),
      ]),
      files,
      conffiles: new Map(),
      control: new Map(),
    })),
    diversions: [],
    alternatives: [],
    overrides: [],
    triggers: [],
  };
}

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

describe("what a script would have made", () => {
  test.each<[string, string, string[]]>([
    [
      "a user and its group",
      'adduser --system --quiet --group --home /var/lib/redis --gecos "" redis',
      ["group redis", "user redis"],
    ],
    [
      "a member",
      "if true; then adduser www-data ssl-cert; usermod -aG adm,mail www-data; fi",
      ["member www-data of adm", "member www-data of mail", "member www-data of ssl-cert"],
    ],
    [
      "by other commands",
      "groupadd -g 12 grp || groupadd -f grp; useradd -r -d /x -s /bin/false usr; addgroup --system --gid 7 more",
      ["group grp", "group more", "user usr"],
    ],
    ["by a variable, in a function", 'U=tcpdump\nmk() { useradd --system "$1"; }\nmk $U', ["user tcpdump"]],
    ["accounts of a file", "systemd-sysusers dbus.conf", ["accounts of dbus.conf"]],
    [
      "an alternative",
      "update-alternatives --install /bin/nc nc /bin/nc.x 50 --slave /bin/n n /bin/n.x",
      ["alternative /bin/n -> /bin/n.x", "alternative /bin/nc -> /bin/nc.x"],
    ],
    [
      "capabilities",
      "if ! setcap cap_net_raw+ep /usr/bin/ping; then chmod u+s /usr/bin/ping; fi",
      ["capabilities cap_net_raw+ep of /usr/bin/ping", "set-id u+s of /usr/bin/ping"],
    ],
    [
      "configuration by ucf",
      "ucf --three-way --debconf-ok /usr/share/x/x.conf /etc/x.conf; ucfr x /etc/x.conf",
      ["configuration file /etc/x.conf"],
    ],
    [
      "an enabled unit",
      "deb-systemd-helper unmask x.service; deb-systemd-helper enable 'x.service'",
      ["enabled unit x.service"],
    ],
    [
      "a trigger, a diversion, folders, links, owners",
      "dpkg-trigger --no-await ldconfig; dpkg-divert --package p --rename --divert /bin/a.b --add /bin/a; install -d /x; mkdir -p -m 755 /var/lib/x; ln -sf ../a /etc/b; chown root:adm /var/log/x; chown root:root /y",
      [
        "diversion /bin/a -> /bin/a.b",
        "folder /var/lib/x",
        "link /etc/b",
        "owner root:adm of /var/log/x",
        "trigger ldconfig",
      ],
    ],
    [
      "nothing of what only running would tell",
      'adduser --system "$(cat name)"; mkdir -p "$2/x"; chmod 755 /x; setcap -r /usr/bin/x',
      [],
    ],
  ])("%s", (_what, text, makes) => {
    expect(scriptEffects(script(text))).toEqual(makes);
  });

  test("a removal makes nothing, another language is not read, and triggers name what they activate", () => {
    expect(scriptEffects(script("adduser --system x", "postrm"))).toEqual([]);
    const perl = { ...script(""), text: "#!/usr/bin/perl\nadduser --system x\n" };
    expect(scriptEffects(perl)).toEqual([]);
    const triggers = { ...script("", "triggers"), text: "# x\nactivate-noawait ldconfig\ninterest /usr/x\n" };
    expect(scriptEffects(triggers)).toEqual(["trigger ldconfig"]);
  });
});

describe("what is made per device", () => {
  /** Every file of the table, as scripts would have made it. */
  function fullRoot(): string {
    const tree = temporaryFolder("per-device");
    for (const { paths, linksTo } of PER_DEVICE) {
      for (const path of paths) {
        const place = join(tree, path.replaceAll("*", "any"));
        put(place, "SECRET");
        if (linksTo !== undefined) symlinkSync(linksTo, `${place}.0`);
      }
    }
    put(join(tree, "var/lib/dpkg/info/format"), "1\n");
    put(join(tree, "etc/ssh/sshd_config"), "mine");
    return tree;
  }

  test("nothing of the table stays, and nothing else goes", async () => {
    const tree = fullRoot();
    await normaliseRoot(here, tree, database([]));
    const left = PER_DEVICE.flatMap(({ paths, linksTo, becomes }) =>
      paths.flatMap((path) => {
        const place = join(tree, `${path.replaceAll("*", "any")}${linksTo === undefined ? "" : ".0"}`);
        const text = lstatSync(place, { throwIfNoEntry: false }) && readFileSync(place, "utf8");
        return text === becomes ? [] : [path];
      }),
    );
    expect(left).toEqual([]);
    expect(readFileSync(join(tree, "etc/ssh/sshd_config"), "utf8")).toBe("mine");
  });

  test("what a package ships stays, and so does a link that somebody made", async () => {
    const tree = fullRoot();
    const owned = ["/etc/nvme/hostid", "/etc/machine-id", "/etc/ssh/ssh_host_any_key"];
    await run("ln", ["-sf", "../run/resolv.conf", join(tree, "etc/resolv.conf")]);
    await normaliseRoot(here, tree, database(["mine"], owned));
    for (const path of owned) expect(readFileSync(join(tree, path), "utf8")).toBe("SECRET");
    expect(lstatSync(join(tree, "etc/resolv.conf")).isSymbolicLink()).toBe(true);
    expect(lstatSync(join(tree, "etc/nvme/hostnqn"), { throwIfNoEntry: false })).toBeUndefined();
  });

  test("units that make it are there for the packages that need them, and say when they run", async () => {
    const tree = fullRoot();
    expect(await completeRoot(here, tree, database(["systemd", "openssh-server"]), [])).toEqual([]);
    const units = join(tree, "usr/lib/systemd/system");
    expect(readdirSync(units)).toEqual(["sysinit.target.wants", "tsbake-ssh-host-keys.service"]);
    const wanted = join(units, "sysinit.target.wants/tsbake-ssh-host-keys.service");
    expect(readFileSync(wanted, "utf8")).toContain("ConditionPathExists=|!/etc/ssh/ssh_host_rsa_key\n");
    const [cluster] = firstBootUnits(new Set(["postgresql-common"])).map((unit) => unitFiles(unit).text);
    expect(cluster).toContain("ConditionPathExistsGlob=|!/etc/postgresql/*/main\n");
    expect(cluster).toContain("After=tsbake-ssl-cert-snakeoil.service\n");
  });

  test("without systemd, or where nothing makes it, the report says so", async () => {
    const tree = fullRoot();
    const told = await completeRoot(here, tree, database(["openssh-server", "dropbear-initramfs"]), []);
    expect(told).toHaveLength(2);
    expect(told.join("\n")).toMatch(/ssh-keygen -A[^]*|dpkg-reconfigure dropbear-initramfs/);
  });

  test("every unit can be read by systemd and is in the manual, with every path of the table", () => {
    const manual = readFileSync(join(project, "docs/manual.md"), "utf8");
    const words = PER_DEVICE.flatMap(({ paths, by }) =>
      typeof by === "string" ? paths : [...paths, `${by.name}.service`],
    );
    expect(words.filter((word) => !manual.includes(word))).toEqual([]);
    const all = new Set(PER_DEVICE.flatMap(({ packages }) => packages));
    for (const unit of firstBootUnits(all)) {
      const { text, path } = unitFiles(unit);
      expect(path).toMatch(/^\/usr\/lib\/systemd\/system\/tsbake-[a-z-]+\.service$/);
      expect(text.split("\n").filter((line) => line !== "" && !/^(?:\[\w+\]|\w+=.+)$/.test(line))).toEqual(
        [],
      );
    }
  });

  test("the script that made a file is found by the path, the name, or the folder", async () => {
    const tree = temporaryFolder("maker");
    const info = join(tree, "var/lib/dpkg/info");
    put(join(info, "one:amd64.postinst"), "mk /etc/one/key.pem");
    put(join(info, "two.postinst"), "cd /etc/two; openssl -out private.key");
    put(join(info, "two.list"), "/etc/three");
    put(join(info, "three.config"), "mkdir /etc/three");
    expect(await scriptThatMakes(tree, "/etc/one/key.pem")).toBe("the postinst of one");
    expect(await scriptThatMakes(tree, "/etc/x/private.key")).toBe("the postinst of two");
    expect(await scriptThatMakes(tree, "/etc/three/other.pem")).toBe("the config of three");
    expect(await scriptThatMakes(tree, "/srv/nothing")).toBeUndefined();
  });
});

describe("what apt takes for installed automatically", () => {
  test("everything but what was asked for and what is essential", () => {
    const all = database(["all-needed", "asked", "essential", "needed", "pinned", "provider", "unwanted"]);
    const wanted = ["asked", "pinned=1", "virtual", "-unwanted"];
    expect(extendedStates(all, wanted)).toBe(
      ["all-needed", "needed", "unwanted"]
        .map((name) => `Package: ${name}\nArchitecture: amd64\nAuto-Installed: 1\n\n`)
        .join(""),
    );
  });
});
