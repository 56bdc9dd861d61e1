/** What makes it on the device instead: units of ours, or a sentence where nothing does. */
import { type FirstBootUnit, PER_DEVICE } from "./table.js";

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
export function unitFiles(unit: FirstBootUnit): UnitFiles {
  const { name, description, missing, after, commands, user } = unit;
  const lines = [
    "[Unit]",
    `Description=${description}`,
    "DefaultDependencies=no",
    "After=local-fs.target systemd-remount-fs.service systemd-sysusers.service systemd-tmpfiles-setup.service systemd-random-seed.service",
    ...(after === undefined ? [] : [`After=${after}.service`]),
    "Before=sysinit.target shutdown.target",
    "Conflicts=shutdown.target",
    "ConditionPathIsReadWrite=/etc",
    ...missing.map((path) => `ConditionPathExists${path.includes("*") ? "Glob" : ""}=|!${path}`),
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
