/**
 * What maintainer scripts make for one device and no other: keys, ids, seeds, names. One table as data. None of it enters a
 * tree, a snapshot or a cache: it is taken out before anything is packed, and made by each device at its first boot, by the
 * package itself, by systemd, or by a unit of ours where neither does. docs/manual.md says so to people.
 */
import { readdir, readFile, readlink } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { eachLimited, AT_ONCE, byText, hasCode } from "@tsbake/base";
import { insideRoot } from "@tsbake/sandbox";
import { DPKG_FOLDER } from "./database.js";

/** A unit that makes what the package makes only when it is installed. */
export interface FirstBootUnit {
  /** Without `.service`. */
  readonly name: string;
  readonly description: string;
  /** The unit runs when one of these is missing. */
  readonly missing: readonly string[];
  readonly commands: readonly string[];
  readonly user?: string;
}

export interface PerDevice {
  /** The package whose script makes it; more than one where several do. */
  readonly packages: readonly string[];
  readonly what: string;
  /** Absolute; `*` stands for any characters in the last part. */
  readonly paths: readonly string[];
  /** Only symlinks to this target. */
  readonly linksTo?: string;
  /** What stays of it instead: "" for an empty file. Only where the file is there. */
  readonly becomes?: string;
  /** What makes it on the device. */
  readonly by: FirstBootUnit | string;
}

/** Writes a file by a command, at once and only when it is not there. */
function shell(path: string, command: string): string {
  return `/bin/sh -ec 'test -s ${path} || { ${command} >${path}.new; mv ${path}.new ${path}; }'`;
}

const SNAKEOIL: FirstBootUnit = {
  name: "tsbake-ssl-cert-snakeoil",
  description: "Self-signed certificate of this device",
  missing: ["/etc/ssl/private/ssl-cert-snakeoil.key", "/etc/ssl/certs/ssl-cert-snakeoil.pem"],
  // With one of the two gone it would keep the other.
  commands: ["/usr/sbin/make-ssl-cert generate-default-snakeoil --force-overwrite"],
};

/** In the order of the first path. */
export const PER_DEVICE: readonly PerDevice[] = [
  {
    packages: ["bind9"],
    what: "key for rndc",
    paths: ["/etc/bind/rndc.key"],
    by: {
      name: "tsbake-rndc-key",
      description: "rndc key of this device",
      missing: ["/etc/bind/rndc.key"],
      commands: ["/usr/sbin/rndc-confgen -a -u bind"],
    },
  },
  {
    packages: ["dropbear", "dropbear-run"],
    what: "host keys of dropbear",
    paths: ["/etc/dropbear/dropbear_*_host_key", "/etc/dropbear/dropbear_*_host_key.pub"],
    by: {
      name: "tsbake-dropbear-host-keys",
      description: "Host keys of dropbear of this device",
      missing: ["rsa", "ecdsa", "ed25519"].map((kind) => `/etc/dropbear/dropbear_${kind}_host_key`),
      commands: ["rsa", "ecdsa", "ed25519"].map((kind) => {
        const key = `/etc/dropbear/dropbear_${kind}_host_key`;
        return `/bin/sh -ec 'test -s ${key} || dropbearkey -t ${kind} -f ${key}'`;
      }),
    },
  },
  {
    packages: ["dropbear-initramfs"],
    what: "host keys of the initramfs",
    paths: [
      "/etc/dropbear/initramfs/dropbear_*_host_key",
      "/etc/dropbear/initramfs/dropbear_*_host_key.pub",
      "/etc/dropbear-initramfs/dropbear_*_host_key",
    ],
    by: "nothing: run `dpkg-reconfigure dropbear-initramfs` on the device",
  },
  {
    packages: ["open-iscsi"],
    what: "name of the iSCSI initiator",
    paths: ["/etc/iscsi/initiatorname.iscsi"],
    becomes: "GenerateName=yes\n",
    by: "iscsid.service, told by GenerateName=yes",
  },
  {
    packages: ["systemd"],
    what: "machine id",
    paths: ["/etc/machine-id"],
    becomes: "",
    by: "systemd",
  },
  {
    packages: ["munge"],
    what: "key of munge",
    paths: ["/etc/munge/munge.key"],
    by: {
      name: "tsbake-munge-key",
      description: "munge key of this device",
      missing: ["/etc/munge/munge.key"],
      commands: ["/usr/sbin/mungekey --create"],
      user: "munge",
    },
  },
  {
    packages: ["nsd"],
    what: "keys of nsd-control",
    paths: [
      "/etc/nsd/nsd_server.key",
      "/etc/nsd/nsd_server.pem",
      "/etc/nsd/nsd_control.key",
      "/etc/nsd/nsd_control.pem",
    ],
    by: {
      name: "tsbake-nsd-control-keys",
      description: "nsd-control keys of this device",
      missing: ["/etc/nsd/nsd_control.key", "/etc/nsd/nsd_server.key"],
      commands: ["/usr/sbin/nsd-control-setup"],
    },
  },
  {
    packages: ["nvme-cli"],
    what: "NVMe host name and id",
    paths: ["/etc/nvme/hostnqn", "/etc/nvme/hostid"],
    by: {
      name: "tsbake-nvme-host-id",
      description: "NVMe host name and id of this device",
      missing: ["/etc/nvme/hostnqn", "/etc/nvme/hostid"],
      commands: [shell("/etc/nvme/hostnqn", "nvme gen-hostnqn"), shell("/etc/nvme/hostid", "uuidgen")],
    },
  },
  {
    packages: ["popularity-contest"],
    what: "id and hour of the popularity contest",
    paths: ["/etc/popularity-contest.conf", "/etc/cron.d/popularity-contest"],
    by: {
      name: "tsbake-popularity-contest-id",
      description: "Popularity contest id of this device",
      missing: ["/etc/popularity-contest.conf"],
      commands: ["/usr/sbin/dpkg-reconfigure --frontend=noninteractive popularity-contest"],
    },
  },
  {
    packages: ["resolvconf", "openresolv", "systemd-resolved", "isc-dhcp-client", "ppp"],
    what: "name servers of the machine that builds",
    paths: ["/etc/resolv.conf"],
    by: "whatever configures the network",
  },
  {
    packages: ["openssh-server"],
    what: "ssh host keys",
    paths: ["/etc/ssh/ssh_host_*_key", "/etc/ssh/ssh_host_*_key.pub"],
    by: {
      name: "tsbake-ssh-host-keys",
      description: "ssh host keys of this device",
      missing: ["rsa", "ecdsa", "ed25519"].map((kind) => `/etc/ssh/ssh_host_${kind}_key`),
      commands: ["/usr/bin/ssh-keygen -A"],
    },
  },
  {
    packages: ["ssl-cert"],
    what: "self-signed certificate and its key",
    paths: ["/etc/ssl/certs/ssl-cert-snakeoil.pem", "/etc/ssl/private/ssl-cert-snakeoil.key"],
    by: SNAKEOIL,
  },
  {
    packages: ["ssl-cert"],
    what: "link by the hash of the self-signed certificate",
    paths: ["/etc/ssl/certs/*"],
    linksTo: "ssl-cert-snakeoil.pem",
    by: SNAKEOIL,
  },
  {
    packages: ["network-manager"],
    what: "secret of stable addresses",
    paths: ["/var/lib/NetworkManager/secret_key"],
    by: "NetworkManager",
  },
  {
    packages: ["dbus"],
    what: "D-Bus' copy of the machine id",
    paths: ["/var/lib/dbus/machine-id"],
    by: "systemd-tmpfiles, from /etc/machine-id",
  },
  {
    packages: ["dkms"],
    what: "key that signs kernel modules",
    paths: ["/var/lib/dkms/mok.key", "/var/lib/dkms/mok.pub"],
    by: "dkms",
  },
  {
    packages: ["uuid-runtime"],
    what: "clock sequence of uuids",
    paths: ["/var/lib/libuuid/clock.txt"],
    by: "uuidd",
  },
  {
    packages: ["systemd"],
    what: "random seed and secret of credentials",
    paths: ["/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret"],
    by: "systemd-random-seed.service and systemd-creds",
  },
  {
    packages: ["tor"],
    what: "identity of a relay",
    paths: ["/var/lib/tor/keys", "/var/lib/tor/fingerprint*"],
    by: "tor",
  },
  {
    packages: ["initscripts"],
    what: "random seed",
    paths: ["/var/lib/urandom/random-seed", "/var/lib/random-seed"],
    by: "the init script urandom",
  },
];

/** One path of a root that the table is about. */
export interface FoundPerDevice {
  /** Absolute in the root. */
  readonly path: string;
  readonly becomes: string | undefined;
}

/**
 * What of the table lies in `root`. What a package ships is not made by its script: it stays.
 *
 * @param owned every path in a package's list
 */
export async function findPerDevice(root: string, owned: ReadonlySet<string>): Promise<FoundPerDevice[]> {
  const inside = insideRoot(root);
  const found: FoundPerDevice[] = [];
  for (const { paths, linksTo, becomes } of PER_DEVICE) {
    for (const pattern of paths) {
      const folder = await inside.follow(dirname(pattern));
      for (const name of await namesLike(folder, posix.basename(pattern))) {
        const path = posix.join(dirname(pattern), name);
        if (owned.has(path)) continue;
        const target = await targetOf(join(folder, name));
        // A link that is not asked for is a decision of whoever made it: /etc/resolv.conf into /run.
        if (target === linksTo) found.push({ path, becomes });
      }
    }
  }
  return found;
}

async function namesLike(folder: string, pattern: string): Promise<string[]> {
  const source = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  const matcher = new RegExp(`^${source.join(".*")}$`, "s");
  try {
    return (await readdir(folder)).filter((name) => matcher.test(name));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (hasCode(error, "EINVAL")) return undefined;
    throw error;
  }
}

/** The units that a root with these packages needs, by name. */
export function firstBootUnits(packages: ReadonlySet<string>): FirstBootUnit[] {
  const units = new Set<FirstBootUnit>();
  for (const { packages: makers, by } of PER_DEVICE)
    if (typeof by !== "string" && makers.some((name) => packages.has(name))) units.add(by);
  return [...units];
}

/** What nothing makes again on a device with these packages, as sentences for a report. */
export function notMadeAgain(packages: ReadonlySet<string>, hasSystemd: boolean): string[] {
  return PER_DEVICE.flatMap(({ packages: makers, what, by, paths }) => {
    const maker = makers.find((name) => packages.has(name));
    if (maker === undefined) return [];
    const sentence = (why: string): string =>
      `${what} (${paths[0]}, made by ${maker}'s script) is not in the image, and ${why}`;
    if (typeof by === "string")
      return by.startsWith("nothing: ") ? [sentence(`the device does not make it: ${by.slice(9)}`)] : [];
    return hasSystemd
      ? []
      : [sentence(`without systemd nothing makes it at the first boot: ${by.commands.join("; ")}`)];
  });
}

/** Where units of packages lie; a unit here is part of the system, and /etc can mask it. */
const UNIT_FOLDER = "/usr/lib/systemd/system";

export interface UnitFiles {
  readonly path: string;
  readonly text: string;
  /** The link that enables it, and where that leads. */
  readonly link: string;
  readonly target: string;
}

/**
 * The unit's file and the link that enables it. Before sysinit.target, like systemd's own work of a first boot: every
 * ordinary service comes later.
 */
export function unitFiles({ name, description, missing, commands, user }: FirstBootUnit): UnitFiles {
  const lines = [
    "[Unit]",
    `Description=${description}`,
    "DefaultDependencies=no",
    "After=local-fs.target systemd-remount-fs.service systemd-sysusers.service systemd-tmpfiles-setup.service systemd-random-seed.service",
    "Before=sysinit.target shutdown.target",
    "Conflicts=shutdown.target",
    "ConditionPathIsReadWrite=/etc",
    ...missing.map((path) => `ConditionPathExists=|!${path}`),
    "",
    "[Service]",
    "Type=oneshot",
    "RemainAfterExit=yes",
    "Environment=DEBIAN_FRONTEND=noninteractive HOME=/root",
    ...(user === undefined ? [] : [`User=${user}`]),
    ...commands.map((command) => `ExecStart=${command}`),
  ];
  return {
    path: `${UNIT_FOLDER}/${name}.service`,
    text: `${lines.join("\n")}\n`,
    link: `${UNIT_FOLDER}/sysinit.target.wants/${name}.service`,
    target: `../${name}.service`,
  };
}

/** Members of `info/` that run when a package is installed. */
const MAKERS = /^(.+)\.(preinst|postinst|config)$/;

/**
 * The script that probably made `path`: one that names it, its name alone, or else the folder that it is in.
 *
 * @returns a clause, e.g. "the postinst of ssl-cert"
 */
export async function scriptThatMakes(root: string, path: string): Promise<string | undefined> {
  const info = await insideRoot(root).follow(join(DPKG_FOLDER, "info"));
  const names = (await readdir(info)).filter((name) => MAKERS.test(name)).sort(byText);
  const scripts = await eachLimited(names, AT_ONCE, (name) => readFile(join(info, name), "latin1"));
  for (const trace of [path, posix.basename(path), posix.dirname(path)]) {
    const at = trace.length < 4 ? -1 : scripts.findIndex((text) => text.includes(trace));
    const [, owner, kind] = MAKERS.exec(names[at] ?? "") ?? [];
    if (owner !== undefined) return `the ${kind} of ${owner.replace(/:.*/, "")}`;
  }
  return undefined;
}
