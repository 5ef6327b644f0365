import type { ErrorCode } from "../bindings/ErrorCode";

/** A command the fake turns down, with the sentence the engine would give. */
export class Refusal extends Error {
  readonly code: ErrorCode;
  readonly detail: string;
  constructor(code: ErrorCode, message: string, detail = "") {
    super(message);
    this.code = code;
    this.detail = detail;
  }
}
