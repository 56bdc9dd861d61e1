/** What every storage of the server must do, whatever holds its objects. */
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { sha256 } from "@tsbake/base";
import { objectPath, pruneStore, storedFile } from "@tsbake/sstate";
import type { ObjectStorage } from "@tsbake/server";
import { nameOf } from "./store.js";

export interface StorageRig extends AsyncDisposable {
  readonly storage: ObjectStorage;
  /** Puts something there as another tool does, and as if it was so old. */
  lay(path: string, bytes: Buffer, ageMs: number): Promise<void>;
  /** Whether a read can be seen in the listing. Default: true. */
  readonly notesUse?: boolean;
}

const storagePath = (path: string) => ({ ...storedFile(path)!, path });

/** @returns what became of it */
export async function upload(
  storage: ObjectStorage,
  path: string,
  bytes: Buffer,
  signature?: Buffer,
): Promise<{ readonly digest: string; readonly wasThere: boolean }> {
  const incoming = await storage.receive();
  try {
    await incoming.write(bytes.subarray(0, bytes.length / 2));
    await incoming.write(bytes.subarray(bytes.length / 2));
    return await incoming.publish(storagePath(path), { digest: sha256(bytes), signature });
  } finally {
    await incoming.discard();
  }
}

/** @returns undefined when it is not there; `broken` when it ends before its time */
export async function download(
  storage: ObjectStorage,
  path: string,
  range?: { readonly start: number; readonly end: number },
): Promise<Buffer | "broken" | undefined> {
  const found = await storage.find(path);
  const whole = { start: 0, end: (found?.sizeBytes ?? 0) - 1 };
  const body = found && (await storage.read(path, found, range ?? whole));
  if (body === undefined || Buffer.isBuffer(body)) return body;
  const pieces: Buffer[] = [];
  const isWhole = await body((piece) => {
    pieces.push(Buffer.from(piece));
    return Promise.resolve();
  });
  return isWhole ? Buffer.concat(pieces) : "broken";
}

/** Comparing bytes one by one takes a test runner seconds. */
export function isSame(got: Buffer | "broken" | undefined, expected: Buffer): boolean {
  return Buffer.isBuffer(got) && got.equals(expected);
}

const DAY = 86_400_000;

export function storageContract(kind: string, make: () => Promise<StorageRig>): void {
  describe(`${kind} as a storage`, () => {
    const path = objectPath(nameOf("abcd"));
    const other = objectPath(nameOf("ab00", "do_deploy"));

    test("has nothing at first", async () => {
      await using rig = await make();
      const { storage } = rig;
      expect(await storage.find(path)).toBeUndefined();
      expect(await storage.digest(storagePath(path))).toBeUndefined();
      expect(await storage.remove(storagePath(path))).toBe(false);
      expect(await storage.list()).toEqual([]);
      expect(await storage.fault()).toBeUndefined();
    });

    test.each([1, 1000, 700_000])("gives back the %i bytes that came, whole and in parts", async (size) => {
      await using rig = await make();
      const { storage } = rig;
      const bytes = randomBytes(size);
      expect(await upload(storage, path, bytes)).toEqual({ digest: sha256(bytes), wasThere: false });
      expect(await storage.find(path)).toMatchObject({ sizeBytes: size, etag: `"${sha256(bytes)}"` });
      for (let times = 0; times < 2; times++) expect(isSame(await download(storage, path), bytes)).toBe(true);
      const range = { start: size >> 2, end: size >> 1 };
      expect(isSame(await download(storage, path, range), bytes.subarray(range.start, range.end + 1))).toBe(
        true,
      );
      expect(await storage.digest(storagePath(path))).toBe(sha256(bytes));
      expect(String(await download(storage, `${path}.sha256`))).toContain(`${sha256(bytes)}  `);
    });

    test("keeps the first of a name, whoever comes after it", async () => {
      await using rig = await make();
      const { storage } = rig;
      const bodies = Array.from({ length: 8 }, (_one, at) => Buffer.alloc(5000 + at, `${at}`));
      const ends = await Promise.all(bodies.map((bytes) => upload(storage, path, bytes)));
      const first = bodies[ends.findIndex(({ wasThere }) => !wasThere)]!;
      expect(ends.filter(({ wasThere }) => !wasThere)).toHaveLength(1);
      expect(new Set(ends.map(({ digest }) => digest))).toEqual(new Set([sha256(first)]));
      expect(await upload(storage, path, first)).toEqual({ digest: sha256(first), wasThere: true });
      expect(isSame(await download(storage, path), first)).toBe(true);
      expect(String(await download(storage, `${path}.sha256`))).toContain(sha256(first));
    });

    test("shows nothing of what was not published", async () => {
      await using rig = await make();
      const incoming = await rig.storage.receive();
      await incoming.write(Buffer.from("half"));
      expect(await rig.storage.find(path)).toBeUndefined();
      await incoming.discard();
      expect((await rig.storage.list()).filter((one) => one.kind === "object")).toEqual([]);
    });

    test("has what stands beside an object, which goes with it", async () => {
      await using rig = await make();
      const { storage } = rig;
      const bytes = Buffer.from("bytes");
      await upload(storage, path, bytes, Buffer.from("signed"));
      expect(await upload(storage, `${path}.siginfo`, Buffer.from("about"))).toMatchObject({
        wasThere: false,
      });
      expect(await upload(storage, `${path}.siginfo`, Buffer.from("other"))).toEqual({
        digest: sha256("about"),
        wasThere: true,
      });
      expect(String(await download(storage, `${path}.sig`))).toBe("signed");
      const sizeBytes = (await storage.list())[0]!.sizeBytes;
      expect(sizeBytes).toBeGreaterThan(bytes.length + 64);
      expect(await storage.remove(storagePath(path))).toBe(true);
      for (const suffix of ["", ".sha256", ".sig", ".siginfo"])
        expect(await storage.find(`${path}${suffix}`)).toBeUndefined();
      expect(await storage.list()).toEqual([]);
    });

    test("takes what another tool has laid there for what it is", async () => {
      await using rig = await make();
      const bytes = randomBytes(300_000);
      await rig.lay(path, bytes, 0);
      expect(isSame(await download(rig.storage, path), bytes)).toBe(true);
      expect(await rig.storage.digest(storagePath(path))).toBe(sha256(bytes));
      expect(String(await download(rig.storage, `${path}.sha256`))).toContain(sha256(bytes));
      expect(await upload(rig.storage, path, Buffer.from("other"))).toMatchObject({ digest: sha256(bytes) });
    });

    test("lists objects with their size and last use, and is pruned by age; what is used again stays", async () => {
      await using rig = await make();
      const { storage } = rig;
      await rig.lay(path, Buffer.alloc(3000), 3 * DAY);
      await rig.lay(other, Buffer.alloc(2000), 3 * DAY);
      await upload(storage, objectPath(nameOf("cd00")), Buffer.alloc(100));
      const listed = await storage.list();
      expect(listed.map(({ path: one, kind: what, task }) => [one, what, task])).toEqual([
        [other, "object", "deploy"],
        [path, "object", "install"],
        [objectPath(nameOf("cd00")), "object", "install"],
      ]);
      expect(listed[1]!.sizeBytes).toBe(3000);
      const dry = await pruneStore(storage, { maxAgeMs: 2 * DAY, dryRun: true });
      expect(dry.removed.map((one) => one.path)).toEqual([other, path]);
      if (rig.notesUse === false) return;
      // A read counts as a use.
      expect(await download(storage, path)).toHaveLength(3000);
      for (let tries = 0; tries < 100 && (await storage.list())[1]!.usedMs < Date.now() - DAY; tries++)
        await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await storage.removeUnused(listed[1]!)).toBe(false);
      const { removed } = await pruneStore(storage, { maxAgeMs: 2 * DAY });
      expect(removed.map((one) => one.path)).toEqual([other]);
      expect(await download(storage, path)).toHaveLength(3000);
    });
  });
}
