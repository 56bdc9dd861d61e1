/** The questions that nearly all are: GET and HEAD of an object's path with headers that change nothing, read without a parser. */

export interface PlainRead {
  readonly method: "GET" | "HEAD";
  /** Of the object, as it stands in the request. */
  readonly encoded: string;
}

/** Fewer characters than HTTP allows: whatever else stands there is for the real parser to judge. */
const REQUEST_LINE = /^(GET|HEAD) \/sstate\/([\w%:.,+~/@=-]+) HTTP\/1\.([01])$/;
/** No condition, no body, no change of the protocol. A token changes nothing where reading is free. */
const HARMLESS =
  /^(?:host|user-agent|accept|accept-encoding|accept-language|authorization|connection): *[!-~][ -~]*$/i;
const HOST = /^host:/i;
const CONNECTION = /^connection:/i;
const KEEP_ALIVE = /^connection: *keep-alive *$/i;
/** Far below what is refused. */
const LONGEST = 4096;

/** Reads the heads of requests; a client sends the same headers again and again, and they are looked at once. */
export class PlainReads {
  readonly #harmless = { "0": "", "1": "" };

  /**
   * @param head request line and headers, without the empty line
   * @returns undefined for what is no plain read, or may be none
   */
  read(head: string): PlainRead | undefined {
    const end = head.indexOf("\r\n");
    if (end < 0 || head.length > LONGEST) return undefined;
    const [, method, encoded, version] = REQUEST_LINE.exec(head.slice(0, end)) ?? [];
    if (encoded === undefined) return undefined;
    const minor = version as "0" | "1";
    const headers = head.slice(end + 2);
    if (headers !== this.#harmless[minor]) {
      if (!areHarmless(headers.split("\r\n"), minor)) return undefined;
      this.#harmless[minor] = headers;
    }
    return { method: method as "GET" | "HEAD", encoded };
  }
}

function areHarmless(headers: readonly string[], minor: "0" | "1"): boolean {
  if (!headers.every((one) => HARMLESS.test(one))) return false;
  const connection = headers.filter((one) => CONNECTION.test(one));
  if (!connection.every((one) => KEEP_ALIVE.test(one))) return false;
  // HTTP/1.1 wants to be told the host, and keeps a connection; before, that had to be asked for.
  return minor === "1" ? headers.some((one) => HOST.test(one)) : connection.length > 0;
}
