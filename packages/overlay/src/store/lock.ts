/** One opener of an overlay at a time. */
import { stat } from "node:fs/promises";
import { BuildError, type FileLock, ifThere, lockFile } from "@tsbake/base";
import { inUse } from "../problems.js";
import type { OverlayPlaces } from "./places.js";

/** @param holder what others are told @throws BuildError `overlay/in-use` */
export function lockOverlay(places: OverlayPlaces, name: string, holder: string): Promise<FileLock> {
  return lockFile(places.lock, {
    holder,
    onWait(present) {
      throw new BuildError([inUse(name, present)]);
    },
  });
}

class Held extends Error {
  readonly holder: string;

  constructor(holder: string) {
    super(holder);
    this.holder = holder;
  }
}

/** Who has it open now. */
export async function holderOfOverlay(places: OverlayPlaces): Promise<string | undefined> {
  if ((await ifThere(stat(places.lock))) === undefined) return undefined;
  try {
    const lock = await lockFile(places.lock, {
      holder: "a list",
      onWait(holder) {
        throw new Held(holder);
      },
    });
    await lock.release();
    return undefined;
  } catch (error) {
    if (error instanceof Held) return error.holder;
    throw error;
  }
}
