/** An overlay booted: its init runs, by systemd-nspawn. */
import { type BootedSystem, bootSystem } from "@tsbake/image/system";
import { type OverlayRootOptions, overlayOptions } from "@tsbake/sandbox";

/** $1: the overlay's folder; $2: options; $3: where it is mounted, in the folder. */
const OVERLAY = `
cd "$1"
mount -t overlay -o "nodev,$2" overlay "$3"
root=$1/$3
shift 3
`;

/** A root, before it is said how a command runs in it. */
export type OverlayRoot = Omit<OverlayRootOptions, "command" | "env" | "network">;

/** @throws BuildError `image/cannot-boot`, `image/not-booted` */
export function bootOverlay(options: OverlayRoot): Promise<BootedSystem> {
  const { folder, point, hostname, lockFd, signal } = options;
  const binds = options.binds.map(({ from, to, isReadOnly }) => {
    const paths = [from, to].map((path) => path.replaceAll(/[\\:]/g, (one) => `\\${one}`));
    return `--bind${isReadOnly ? "-ro" : ""}=${paths.join(":")}`;
  });
  return bootSystem({
    script: OVERLAY,
    words: [folder, overlayOptions(options, false), point],
    nspawn: [`--hostname=${hostname}`, ...binds],
    lockFd,
    signal,
  });
}
