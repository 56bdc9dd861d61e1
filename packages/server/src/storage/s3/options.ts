/** Where a bucket is, and who may use it: options of the command line, and the variables that Amazon's own tools read. */
import type { BucketOptions } from "./client.js";

/** Amazon's default, and what servers of one's own take for their only one. */
const DEFAULT_REGION = "us-east-1";

/**
 * @param url `s3://BUCKET[/PREFIX]`
 * @returns what is wrong instead, as a sentence's end
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
 */
export function readBucket(
  url: string,
  given: { readonly endpoint: string | undefined; readonly region: string | undefined },
  environment: NodeJS.ProcessEnv,
): BucketOptions | { readonly wrong: string } {
  const found = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url);
  if (!found) return { wrong: `--storage is \`${url}\`, not s3://BUCKET or s3://BUCKET/PREFIX` };
  const [, bucket = "", path = ""] = found;
  const prefix = path.replace(/\/+$/, "");
  if (!/^(?:[\w.-]+(?:\/[\w.-]+)*)?$/.test(prefix))
    return {
      wrong: `--storage is \`${url}\`: a prefix has letters, digits, \`.\`, \`-\`, \`_\` and single slashes`,
    };
  const variable = (...names: string[]): string | undefined =>
    names.map((name) => environment[name]).find((value) => value !== undefined && value !== "");
  const endpoint = given.endpoint ?? variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
  if (endpoint !== undefined && !isOrigin(endpoint))
    return { wrong: `the endpoint is \`${endpoint}\`, not http(s)://HOST or http(s)://HOST:PORT` };
  const [accessKeyId, secretAccessKey] = [variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")];
  if (accessKeyId === undefined || secretAccessKey === undefined)
    return { wrong: "--storage needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment" };
  const sessionToken = variable("AWS_SESSION_TOKEN");
  return {
    bucket,
    prefix: prefix === "" ? "" : `${prefix}/`,
    ...(endpoint !== undefined && { endpoint }),
    region: given.region ?? variable("AWS_REGION", "AWS_DEFAULT_REGION") ?? DEFAULT_REGION,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
  };
}

function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return (
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.username === "" &&
    url.pathname === "/" &&
    url.search === "" &&
    url.hash === ""
  );
}
