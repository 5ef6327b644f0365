/** A command the fake turns down, with the sentence the engine would give. */
export class Refusal extends Error {
  readonly code: "invalidInput" | "nameTaken" | "fileChanged" | "other";
  readonly detail: string;
  constructor(code: Refusal["code"], message: string, detail = "") {
    super(message);
    this.code = code;
    this.detail = detail;
  }
}
