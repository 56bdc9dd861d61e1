/** `bb.parse.SkipRecipe(reason)`: this recipe is not for this configuration. No error. */
export class SkipRecipe extends Error {
  override readonly name = "SkipRecipe";
  readonly reason: string;
  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}
