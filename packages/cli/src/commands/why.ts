/** `tsbake why PACKAGE --in IMAGE`: the ways from what was asked for to a package. */
import { join, resolve } from "node:path";
import { BuildError, nearest, readTextIfThere } from "@tsbake/base";
import { parseFacts, whyPresent, type LayerFacts, type Presence } from "@tsbake/image";
import { imageNotBuilt, notInImage } from "../problems.js";
import type { Answer, SessionCommand } from "./command.js";

export const why: SessionCommand = {
  async answerAlone({ request, around }) {
    const { in: image = "" } = request.images;
    if (!isPath(image)) return undefined;
    return whyInImage(request.targets[0]!, image, resolve(around.directory, image));
  },
  async answer({ request }, build) {
    const { in: image = "" } = request.images;
    const { folder, name } = build.imageFiles(image);
    return whyInImage(request.targets[0]!, image, join(folder, `${name}.packages.json`));
  },
};

/**
 * @param image what to call it
 * @param path its `.packages.json`
 * @throws BuildError `cli/image-not-built`, `cli/not-in-image` with near names, `image/bad-layer-facts`
 */
async function whyInImage(name: string, image: string, path: string): Promise<Answer> {
  const text = await readTextIfThere(path);
  if (text === undefined) throw new BuildError([imageNotBuilt(image, path)]);
  const facts = parseFacts(text, path);
  const presence = whyPresent(facts, name);
  if (presence.kind === "absent") {
    const near = nearest(name, namesIn(facts));
    throw new BuildError([notInImage(name, image, { hasBase: facts.baseDigest !== undefined, near })]);
  }
  return { text: presenceText(name, presence, facts), data: { package: name, image, ...presence } };
}

/** A word that names a file and no recipe. */
function isPath(image: string): boolean {
  return image.endsWith(".json") && !image.startsWith("mc:");
}

function namesIn({ packages, inBase }: LayerFacts): string[] {
  return [...packages, ...inBase].map((one) => one.name);
}

function presenceText(
  name: string,
  presence: Exclude<Presence, { readonly kind: "absent" }>,
  { requested }: LayerFacts,
): string {
  if (presence.kind === "in-base") {
    const asked = requested.includes(name) ? ", and was asked for" : "";
    return `${name} ${presence.version} is in the base${asked}\n`;
  }
  const lines = presence.chains.map(({ root, packages }) => `${root}: ${packages.join(" → ")}`);
  if (lines.length === 0) lines.push(`${name} is in the image, and nothing that was asked for needs it`);
  if (presence.isCut) lines.push("… and more of the same length");
  return lines.map((line) => `${line}\n`).join("");
}
