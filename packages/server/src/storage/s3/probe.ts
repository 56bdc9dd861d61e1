/** Whether a bucket can be used, and by how many. */
import { sha256 } from "@tsbake/base";
import { StorageFailure } from "../storage.js";
import { isGood, reasonIn } from "./answers.js";
import type { BucketClient } from "./client.js";
import { readListingPage } from "./listing.js";

/** No name of an object: it is written at each start, and deleted. */
const PROBE = ".tsbake-probe";

/** Whether it is true that nothing is written where something is: then several servers may use the bucket. */
export async function keepsConditions(
  client: BucketClient,
  onTrouble: (reason: string) => void,
): Promise<boolean> {
  const fault = await bucketFault(client);
  if (fault !== undefined) throw new StorageFailure(fault);
  const bytes = Buffer.from("probe\n");
  const body = { bytes, digest: sha256(bytes) };
  const put = () => client.text("PUT", PROBE, { headers: { "if-none-match": "*" }, body });
  const { status: first } = await put();
  // Who may not write has no need of conditions; what is refused is told when it is tried.
  if (first !== 412 && !isGood(first)) return true;
  const { status } = await put();
  await client.text("DELETE", PROBE);
  if (status === 412) return true;
  onTrouble("the bucket writes over what is there (no If-None-Match): only one server may use it");
  return false;
}

/** Why the bucket cannot be used; undefined when it can. @throws StorageFailure where it cannot be reached */
export async function bucketFault(client: BucketClient): Promise<string | undefined> {
  const { status, text } = await client.text("GET", "", { query: { "list-type": "2", "max-keys": "1" } });
  if (status !== 200) return `the bucket answers ${status}${reasonIn(text)}`;
  readListingPage(text);
  return undefined;
}
