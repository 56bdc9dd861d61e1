/** Elements of a repository's metadata, one after the other: as large as it is, only what is asked for is kept. */
import { hasCode } from "@tsbake/base";
import { SaxesParser } from "saxes";

/** One that is asked for, with what is in it. */
export interface XmlElement {
  /** Without the prefix of its namespace. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Its own, without that of its children. */
  readonly text: string;
}

interface OpenElement extends XmlElement {
  readonly children: XmlElement[];
  text: string;
}

/** What a text cannot be; callers say of which file. */
export class XmlFault extends Error {
  override readonly name = "XmlFault";
}

/** Bytes that are decoded at a time. */
const PIECE = 1 << 20;
/** Of elements within each other; metadata of repositories have six. */
const DEEPEST = 32;

/**
 * Calls back with each element of a name. Entities of a document type are not expanded: there is no way to make much of little.
 *
 * @param bytes UTF-8
 * @param wanted elements of this name, whole; none of them within another
 * @param unwanted elements that are left out of them
 * @throws XmlFault where it is not well formed; what `found` throws
 */
export function eachElement(
  bytes: Buffer,
  wanted: string,
  unwanted: ReadonlySet<string>,
  found: (element: XmlElement) => void,
): void {
  const parser = new SaxesParser();
  const open: OpenElement[] = [];
  let [depth, skipped] = [0, 0];
  parser.on("error", ({ message }) => {
    throw new XmlFault(message);
  });
  parser.on("opentag", ({ name: prefixed, attributes }) => {
    const name = prefixed.replace(/^.*:/, "");
    if (++depth > DEEPEST) throw new XmlFault(`${parser.line}: elements are ${DEEPEST} deep`);
    if (skipped > 0 || (open.length > 0 && unwanted.has(name))) skipped++;
    else if (open.length > 0 || name === wanted)
      open.push({ name, attributes: attributes as Record<string, string>, children: [], text: "" });
  });
  const onText = (text: string): void => {
    const current = open.at(-1);
    if (current && skipped === 0) current.text += text;
  };
  parser.on("text", onText);
  parser.on("cdata", onText);
  parser.on("closetag", () => {
    depth--;
    if (skipped > 0) {
      skipped--;
      return;
    }
    const closed = open.pop();
    if (closed === undefined) return;
    const parent = open.at(-1);
    if (parent) parent.children.push(closed);
    else found(closed);
  });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for (let at = 0; at < bytes.length; at += PIECE)
      parser.write(decoder.decode(bytes.subarray(at, at + PIECE), { stream: true }));
    parser.write(decoder.decode());
  } catch (error) {
    if (hasCode(error, "ERR_ENCODING_INVALID_ENCODED_DATA")) throw new XmlFault("it is not UTF-8");
    throw error;
  }
  parser.close();
}

/** The first child of that name. */
export function childOf({ children }: XmlElement, name: string): XmlElement | undefined {
  return children.find((one) => one.name === name);
}
