/** One entry of SRC_URI: `type://host/path;name=value;…`. */
export interface SourceUri {
  readonly uri: string;
  readonly type: string;
  readonly host: string;
  readonly path: string;
  readonly user?: string;
  readonly parameters: Readonly<Record<string, string>>;
}
/** @throws BuildError `fetch/bad-uri` */
export declare function parseSourceUri(uri: string): SourceUri;
