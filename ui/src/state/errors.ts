import type { CommandError } from "../ipc/bindings/CommandError";
import type { ErrorCode } from "../ipc/bindings/ErrorCode";

/** Where a person meets an error. */
export type Treatment =
  /** Beside the field that was filled in. */
  | "field"
  /** Beside the name, which is to be another one. */
  | "name"
  /** What was shown is out of date: it is shown again, and says so. */
  | "again"
  /** Not at all: it is what the person asked for. */
  | "silent"
  /** As a sentence where the action was, or as an alert when that place is gone. */
  | "sentence";

/** The one table from code to treatment. */
export const TREATMENTS: Record<ErrorCode, Treatment> = {
  invalidInput: "field",
  nameTaken: "name",
  fileChanged: "again",
  cancelled: "silent",
  other: "sentence",
};

export const treatment = (error: CommandError): Treatment => TREATMENTS[error.code] ?? "sentence";
