/** `tsbake publish IMAGE… --to DIR`: finds what was built, and tells what became of it. */
import { join, resolve } from "node:path";
import { BuildError, hasCode } from "@tsbake/base";
import type { Build } from "@tsbake/engine";
import { publish as publishImages, readBuiltImage, type BuiltImage, type Published } from "@tsbake/image";
import { imageNotBuilt } from "../problems.js";
import { count, printableText } from "../text/text.js";
import type { Answer, SessionCommand } from "./command.js";

const SETTINGS = ["PUBLISH_URL", "PUBLISH_GPG_KEY", "GPG_BIN", "GPG_PATH"] as const;

export const publish: SessionCommand = {
  async answer({ request, around }, build) {
    const folder = resolve(around.directory, request.images.to!);
    const say = (text: string) => void around.stderr.write(`${printableText(text)}\n`);
    return published(build, request.targets, { folder, keep: request.images.keep }, say);
  },
};

/**
 * @param folder absolute
 * @throws BuildError `engine/no-such-image`, `cli/image-not-built`, and what `publishImages` throws
 */
async function published(
  build: Pick<Build, "imageFiles" | "variablesOf">,
  targets: readonly string[],
  { folder, keep }: { readonly folder: string; readonly keep: number | undefined },
  onWait: (text: string) => void,
): Promise<Answer> {
  const images: BuiltImage[] = [];
  for (const target of targets) images.push(await builtImage(build, target));
  // Of the configuration: what one recipe says is not meant for the others.
  const settings = await build.variablesOf(targets[0]!, SETTINGS);
  const value = (name: (typeof SETTINGS)[number]): string => settings.get(name)?.trim() ?? "";
  const key = value("PUBLISH_GPG_KEY");
  const url = value("PUBLISH_URL") || undefined;
  const signing =
    key === "" ? undefined : { key, program: value("GPG_BIN") || "gpg", home: value("GPG_PATH") };
  const done = await publishImages({
    images,
    folder,
    keep,
    url,
    signing,
    onWait: () => onWait(`waiting for another publication into ${folder}`),
  });
  return {
    text: publishedText(folder, done, { isSigned: signing !== undefined, url }),
    data: { folder, signed: signing !== undefined, ...done },
  };
}

async function builtImage(build: Pick<Build, "imageFiles">, target: string): Promise<BuiltImage> {
  const { folder, name } = build.imageFiles(target);
  try {
    return await readBuiltImage(folder, name);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    throw new BuildError([imageNotBuilt(target, join(folder, `${name}.json`))], { cause: error });
  }
}

function publishedText(
  folder: string,
  { added, unchanged, removed, count: total }: Published,
  { isSigned, url }: { readonly isSigned: boolean; readonly url: string | undefined },
): string {
  const lines = [
    ...added.map((one) => `new: ${one}`),
    ...unchanged.map((one) => `as it was: ${one}`),
    ...removed.map((one) => `removed: ${one}`),
    `${folder}: ${count(total, "image")}, ${isSigned ? "signed" : "not signed (PUBLISH_GPG_KEY is empty)"}`,
  ];
  if (url === undefined) lines.push("no definitions for systemd-sysupdate: PUBLISH_URL is empty");
  return lines.map((line) => `${line}\n`).join("");
}
