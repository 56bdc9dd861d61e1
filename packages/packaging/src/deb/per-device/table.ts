/**
 * What maintainer scripts make for one device and no other: keys, ids, seeds, names. One table as data. None of it enters a
 * tree, a snapshot or a cache: it is taken out before anything is packed, and made by each device at its first boot, by the
 * package itself, by systemd, or by a unit of ours where neither does. docs/manual.md says so to people.
 */

/** A unit that makes what the package makes only when it is installed. */
export interface FirstBootUnit {
  /** Without `.service`. */
  readonly name: string;
  readonly description: string;
  /** The unit runs when one of these is missing; in any part of a path `*` stands for any characters. */
  readonly missing: readonly string[];
  /** Units of ours that make what it takes, without `.service`. */
  readonly after?: string;
  readonly commands: readonly string[];
  readonly user?: string;
}

export interface PerDevice {
  /** The package whose script makes it; more than one where several do. */
  readonly packages: readonly string[];
  readonly what: string;
  /** Absolute: files, and folders with all that is in them; `*` stands for any characters of a part. */
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

/** As the package's script does, with the locale that the device has by then; the server is started once the manager knows of it. */
const POSTGRES_CLUSTER = [
  "set -a",
  "test ! -e /etc/default/locale || . /etc/default/locale",
  "for folder in /usr/lib/postgresql/*/bin",
  "do version=$$(basename $$(dirname $$folder))",
  "test -e /etc/postgresql/$$version/main || pg_createcluster $$version main",
  "done",
  "systemctl daemon-reload",
  // What this target wants by now: the start that is under way knows nothing of the new cluster.
  "systemctl --no-block start default.target",
].join("; ");

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
    packages: ["postfix", "opensmtpd"],
    what: "database of mail aliases, whose bytes no two runs have in common",
    paths: ["/etc/aliases.db"],
    by: {
      name: "tsbake-mail-aliases",
      description: "Database of mail aliases",
      missing: ["/etc/aliases.db"],
      commands: ["/bin/sh -ec 'test ! -e /etc/aliases || newaliases'"],
    },
  },
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
    packages: ["postgresql-common"],
    what: "cluster of PostgreSQL, which has an identity",
    paths: ["/etc/postgresql/*/main", "/var/lib/postgresql/*/main"],
    by: {
      name: "tsbake-postgresql-cluster",
      description: "PostgreSQL cluster of this device",
      missing: ["/etc/postgresql/*/main"],
      after: SNAKEOIL.name,
      commands: [`/bin/sh -ec '${POSTGRES_CLUSTER}'`],
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
    packages: ["mariadb-server"],
    what: "system tables of MariaDB, whose bytes no two runs have in common",
    paths: ["/var/lib/mysql/*"],
    by: {
      name: "tsbake-mariadb-data",
      description: "System tables of MariaDB",
      missing: ["/var/lib/mysql/mysql"],
      // As the package's script does.
      commands: [
        "/usr/bin/mariadb-install-db --rpm --cross-bootstrap --user=mysql --disable-log-bin --skip-test-db",
      ],
    },
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
