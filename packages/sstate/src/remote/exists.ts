/** Asking a shared-state server for many objects at once. */
import { textBody, type HttpClient } from "@tsbake/base";
import { readData } from "@tsbake/base/data";
import { EXISTS_PATH, ExistsAnswer, MOST_NAMES, type ExistsRequest } from "./api.js";
import { badAnswer } from "../problems.js";

const LONGEST_ANSWER = 1 << 20;

/**
 * @param base under which the objects are, without a slash at its end
 * @returns in the order of the paths; undefined where the server does not answer such questions (any more)
 * @throws errors of reaching it; BuildError `sstate/bad-answer`
 */
export async function existAt(
  client: HttpClient,
  base: string,
  paths: readonly string[],
): Promise<readonly boolean[] | undefined> {
  const all: boolean[] = [];
  for (let at = 0; at < paths.length; at += MOST_NAMES) {
    const names = paths.slice(at, at + MOST_NAMES);
    const request: ExistsRequest = { names };
    const { status, text } = await client.send("POST", `${base}/${EXISTS_PATH}`, {
      headers: { "content-type": "application/json" },
      body: textBody(JSON.stringify(request)),
      maxBytes: LONGEST_ANSWER,
    });
    if (status !== 200) return undefined;
    const { there } = readData(ExistsAnswer, text, (reason) => badAnswer(base, reason));
    if (there.length !== names.length) return undefined;
    all.push(...there);
  }
  return all;
}
