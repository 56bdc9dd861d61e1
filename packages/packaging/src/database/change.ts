/** One package that is not as it was. */
export interface Change {
  readonly kind: "added" | "removed" | "upgraded" | "downgraded" | "reinstalled";
  readonly name: string;
  readonly architecture: string;
  readonly from?: string;
  readonly to?: string;
  /** Who asks, from a root package down to this one: `htop`, `libncursesw6 (>= 6.4)`, … Empty when unknown. */
  readonly chain: readonly string[];
}
