/**
 * What a base needs beside systemd for extensions to work at boot, whatever its version. systemd-sysext.service is switched off in
 * Debian; systemd-sysusers.service runs only when /etc is older than /usr, and may run before the merge; before 255 the manager does
 * not read its units again after a merge, and the start of a target that is under way takes no unit in that came later.
 *
 * @see systemd-sysext(8), systemd-sysusers.service(8), bootup(7)
 */
import type { RootFile } from "@tsbake/packaging";

const UNITS = "/usr/lib/systemd/system";
const NAME = "tsbake-extensions.service";

/** Where systemd-sysext(8) looks for extensions, as in its own unit. */
const PLACES = [
  "/etc/extensions",
  "/run/extensions",
  "/var/lib/extensions",
  "/usr/local/lib/extensions",
  "/usr/lib/extensions",
];

/** systemctl restart systemd-sysext.service does at any time what a boot does, since this is a part of it. */
const TEXT = `[Unit]
Description=Accounts, files and units of system extensions
Documentation=man:systemd-sysext(8)
DefaultDependencies=no
PartOf=systemd-sysext.service
After=systemd-sysext.service systemd-remount-fs.service systemd-sysusers.service
Before=systemd-tmpfiles-setup.service sysinit.target shutdown.target
Conflicts=shutdown.target
${PLACES.map((path) => `ConditionDirectoryNotEmpty=|${path}\n`).join("")}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=systemd-sysusers
ExecStart=-systemd-tmpfiles --create --exclude-prefix=/dev
ExecStart=systemctl daemon-reload
ExecStart=systemctl --no-block start default.target
`;

/** A unit that makes accounts and files of what was merged, and starts its units. */
export const EXTENSION_UNITS: readonly RootFile[] = [
  { path: `${UNITS}/${NAME}`, text: TEXT },
  { path: `${UNITS}/sysinit.target.wants/${NAME}`, target: `../${NAME}` },
  { path: `${UNITS}/sysinit.target.wants/systemd-sysext.service`, target: "../systemd-sysext.service" },
];
