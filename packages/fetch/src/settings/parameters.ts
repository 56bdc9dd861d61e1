/**
 * Parameters of entries: which there are for what type, and which of BitBake's are refused. One that neither BitBake nor we
 * know is passed over, as there: other tasks may read it.
 */
type Verdict = "honoured" | "ignored" | { readonly refused: string; readonly unless?: readonly string[] };

/** Read by do_patch, or by nobody of ours. */
const EVERYWHERE: Readonly<Record<string, Verdict>> = {
  name: "honoured",
  subdir: "honoured",
  unpack: "honoured",
  striplevel: "honoured",
  apply: "ignored",
  patchdir: "ignored",
  pnum: "ignored",
  localpath: { refused: "a source lies where FILESPATH or DL_DIR say" },
  srcdate: { refused: "no source is asked for by its date" },
  extract: { refused: "packages of RPM are not unpacked" },
};

const BY_TYPE: Readonly<Record<string, Readonly<Record<string, Verdict>>>> = {
  file: {},
  http: {
    downloadfilename: "honoured",
    user: "honoured",
    pswd: "honoured",
    dos: "honoured",
    // A login goes to no other server, whatever is said.
    redirectauth: "ignored",
    protocol: {
      refused: "a repository of git is written as `git://…;protocol=https`",
      unless: ["http", "https"],
    },
  },
  git: {
    branch: "honoured",
    nobranch: "honoured",
    rev: "honoured",
    tag: "honoured",
    protocol: "honoured",
    user: "honoured",
    rebaseable: "honoured",
    nocheckout: "honoured",
    bareclone: "honoured",
    subpath: "honoured",
    destsuffix: "honoured",
    usehead: "honoured",
    lfs: "honoured",
    proto: { refused: "write `protocol`" },
    pswd: { refused: "a password for git stands in ~/.netrc or with a credential helper" },
    striplevel: { refused: "it is for archives; `subpath` takes a part of a repository" },
    unpack: { refused: "`nocheckout=1` leaves the checkout out", unless: ["1"] },
  },
};

/** What is wrong with the parameters of an entry of this type. */
export function parameterFault(
  type: string,
  parameters: Readonly<Record<string, string>>,
): string | undefined {
  const own = BY_TYPE[type === "https" ? "http" : type];
  if (!own) return undefined;
  for (const [name, value] of Object.entries(parameters)) {
    const verdict = own[name] ?? EVERYWHERE[name];
    if (typeof verdict !== "object" || verdict.unless?.includes(value)) continue;
    return `the parameter \`${name}\` is not supported: ${verdict.refused}`;
  }
  return (parameters["name"] ?? "").includes(",") ? "an entry has one name" : undefined;
}
