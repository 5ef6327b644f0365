import { type RefObject, useEffect, useRef, useState } from "react";
import type { QuestionAnswer } from "../ipc/bindings/QuestionAnswer";
import type { QuestionView } from "../ipc/bindings/QuestionView";
import { answerOfKey } from "./questions";

/** For how long after a question has appeared nothing answers it. */
export const SETTLE_MS = 500;

/**
 * Which of the questions have been in view for long enough to be answered, so that a key or a click
 * meant for something else does not. A question that joins an equal one has a time of its own, and
 * all begin anew when the window comes to the front. Give the component a `key` of what is asked.
 */
export function useSettled(ids: readonly number[]): readonly number[] {
  const [settled, setSettled] = useState<ReadonlySet<number>>(() => new Set());
  const timers = useRef(new Map<number, ReturnType<typeof setTimeout>>());
  const [time] = useState(() => (id: number) => {
    const done = () => setSettled((before) => new Set(before).add(id));
    timers.current.set(id, setTimeout(done, SETTLE_MS));
  });
  const seen = ids.join(" ");
  // biome-ignore lint/correctness/useExhaustiveDependencies: `seen` is what `ids` holds.
  useEffect(() => {
    for (const id of ids) if (!timers.current.has(id)) time(id);
  }, [seen]);
  useEffect(() => {
    const running = timers.current;
    const stop = () => {
      for (const timer of running.values()) clearTimeout(timer);
    };
    const again = () => {
      if (document.hidden) return;
      stop();
      setSettled(new Set());
      for (const id of [...running.keys()]) time(id);
    };
    window.addEventListener("focus", again);
    document.addEventListener("visibilitychange", again);
    return () => {
      window.removeEventListener("focus", again);
      document.removeEventListener("visibilitychange", again);
      stop();
      running.clear();
    };
  }, [time]);
  return ids.filter((id) => settled.has(id));
}

/** Hears the letter keys, wherever the focus is. */
export function useAnswerKeys(answer: (answer: QuestionAnswer) => void) {
  const newest = useRef(answer);
  useEffect(() => {
    newest.current = answer;
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.getModifierState("AltGraph")) return;
      const meant = answerOfKey(event);
      if (meant === undefined) return;
      event.preventDefault();
      newest.current(meant);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}

/** Gives an element the focus as it appears and each time the window comes to the front. */
export function useFocusInFront(element: RefObject<HTMLElement | null>) {
  useEffect(() => {
    const focus = () => element.current?.focus({ preventScroll: true });
    focus();
    window.addEventListener("focus", focus);
    return () => window.removeEventListener("focus", focus);
  }, [element]);
}

/** What happened last, in a sentence: the person's own answer, or a question that went by itself. */
export function useLastWords(questions: readonly QuestionView[]) {
  const [words, setWords] = useState("");
  const known = useRef<readonly number[]>([]);
  const answered = useRef(new Set<number>());
  useEffect(() => {
    const now = questions.map(({ id }) => id);
    const gone = known.current.filter((id) => !now.includes(id) && !answered.current.has(id));
    known.current = now;
    if (gone.length === 0) return;
    setWords(
      `${gone.length === 1 ? "A question went" : `${gone.length} questions went`} away: answered elsewhere, out of time, or the app left.`,
    );
  }, [questions]);
  return {
    words,
    say: setWords,
    /** The person answers these: that they go is no news. */
    expect(ids: readonly number[]) {
      for (const id of ids) answered.current.add(id);
    },
    /** The answer was not taken, so they may still go by themselves. */
    unexpect(ids: readonly number[]) {
      for (const id of ids) answered.current.delete(id);
    },
  };
}
