/** SSTATE_MIRROR_PUSH: what a build makes goes to a shared-state server, beside the build. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BuildError } from "@tsbake/base";
import type { ParsedProject } from "@tsbake/recipe";
import { gzipPath, listStore, objectPath, type Store } from "@tsbake/sstate";
import type { Pusher } from "@tsbake/sstate/remote";
import type { EngineEvent } from "../events.js";
import { noPushUrl, noToken, storeWarning } from "../problems.js";
import { neededStoreFolder } from "./store.js";
import { tokenOf } from "./token.js";
import type { Pushed } from "./traffic.js";

export interface PushRequest {
  readonly project: Pick<ParsedProject, "configurationText">;
  readonly topdir: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly onEvent: (event: EngineEvent) => void;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** How long the end of a build waits for what is still to be sent. */
const DEFAULT_WAIT_SECONDS = 60;

/** Uploads of one build. */
export interface Push {
  /** The store, whose new objects are uploaded. */
  over(store: Store): Store;
  /** Waits for what is under way, not for ever. */
  finish(): Promise<Pushed>;
}

/** @returns undefined where SSTATE_MIRROR_PUSH is empty @throws BuildError `engine/bad-token-file`, `engine/no-token`, `sstate/no-folder` */
export async function openPush(request: PushRequest): Promise<Push | undefined> {
  const { project } = request;
  const opened = await openPusher(request);
  if (!opened) return undefined;
  const { pusher, url, folder } = opened;
  const seconds = Number(
    project.configurationText("SSTATE_MIRROR_PUSH_WAIT")?.trim() || DEFAULT_WAIT_SECONDS,
  );
  return new BuildPush(pusher, { url, folder, waitMs: seconds * 1000 });
}

/** All that the folder has, as long as it takes. @throws as `openPush`; `engine/no-push-url` */
export async function pushAll(request: PushRequest): Promise<Pushed> {
  const opened = await openPusher(request);
  if (!opened) throw new BuildError([noPushUrl()]);
  const { pusher, url, folder } = opened;
  const all = await listStore(folder);
  pusher.addAll(all.filter(({ kind }) => kind === "object").map(({ path }) => path));
  return { url, ...(await pusher.finish()) };
}

async function openPusher({ project, topdir, environment, onEvent, signal }: PushRequest) {
  const text = (name: string) => project.configurationText(name)?.trim() || undefined;
  const url = text("SSTATE_MIRROR_PUSH");
  if (url === undefined) return undefined;
  const token = await tokenOf(text, environment);
  if (token === undefined) throw new BuildError([noToken(url)]);
  const folder = neededStoreFolder(project);
  const { Pusher } = await import("@tsbake/sstate/remote");
  const pusher = await Pusher.open({
    url,
    token,
    folder,
    list: join(text("CACHE") ?? join(topdir, "cache"), "to-push"),
    onWarning: (message) => onEvent({ type: "engine-warning", diagnostic: storeWarning(message) }),
    ...(signal && { signal }),
  });
  return { pusher, url, folder };
}

interface BuildPushParts {
  readonly url: string;
  readonly folder: string;
  readonly waitMs: number;
}

class BuildPush implements Push {
  readonly #pusher: Pusher;
  readonly #parts: BuildPushParts;

  constructor(pusher: Pusher, parts: BuildPushParts) {
    this.#pusher = pusher;
    this.#parts = parts;
  }

  over(store: Store): Store {
    return {
      find: (names) => store.find(names),
      get: (name) => store.get(name),
      put: async (name, path, description, signature) => {
        await store.put(name, path, description, signature);
        const object = objectPath(name);
        const isThere = existsSync(join(this.#parts.folder, object));
        this.#pusher.add(isThere ? object : gzipPath(object));
      },
      reject: (name) => store.reject(name),
      describe: (name, description) => store.describe(name, description),
    };
  }

  async finish(): Promise<Pushed> {
    const { url, waitMs } = this.#parts;
    return { url, ...(await this.#pusher.finish(waitMs)) };
  }
}
