import { useEffect, useRef, useState } from "react";

type Typed = { text: string; over: string; sent?: string };

/**
 * A text that is typed here and counts a moment later, or at once where asked. While it is typed
 * it stands as it is; a change from elsewhere replaces it.
 */
export function useTyped(value: string, commit: (text: string) => void, ms = 250) {
  const [typed, setTyped] = useState<Typed | undefined>();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const latest = useRef({ commit, typed });
  useEffect(() => {
    latest.current = { commit, typed };
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  if (typed && typed.over !== value) {
    // What was sent has arrived while more was typed; anything else came from elsewhere.
    const goesOn = typed.sent === value && typed.text !== value;
    setTyped(goesOn ? { ...typed, over: value } : undefined);
  }
  const send = (text: string) => {
    setTyped((last) => last && { ...last, sent: text });
    latest.current.commit(text);
  };
  const set = (text: string, now = false) => {
    clearTimeout(timer.current);
    setTyped((last) => ({ ...last, text, over: value }));
    if (now) send(text);
    else {
      timer.current = setTimeout(() => {
        if (latest.current.typed?.text === text) send(text);
      }, ms);
    }
  };
  /** Forgets what has not counted yet. */
  const drop = () => {
    clearTimeout(timer.current);
    setTyped(undefined);
  };
  return { text: typed?.text ?? value, set, drop };
}
