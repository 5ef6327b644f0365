import type { Held } from "../ipc/bindings/Held";
import { HELD_WORDS } from "../state/held";
import type { IconName } from "./Icon";
import { Pill } from "./Pill";

const SHAPES: Record<Held, IconName> = { new: "plus", changed: "edit", found: "trouble" };

/** Why apps cannot use a tool yet, told by word, shape and colour. */
export function HeldMark({ held }: { held: Held }) {
  return (
    <Pill tone={held === "found" ? "trouble" : "paused"} icon={SHAPES[held]}>
      {HELD_WORDS[held]}
    </Pill>
  );
}
