import { useLayoutEffect, useRef, useState } from "react";

/**
 * Where a list begins inside the element that scrolls it, kept right while what stands above it
 * grows and shrinks.
 */
export function useListTop<L extends HTMLElement, A extends HTMLElement>() {
  const list = useRef<L>(null);
  const above = useRef<A>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setTop(list.current?.offsetTop ?? 0);
    measure();
    const observer = new ResizeObserver(measure);
    if (above.current) observer.observe(above.current);
    return () => observer.disconnect();
  }, []);
  return { list, above, top };
}

/** The same where the list knows of nothing above it: it follows the height of the whole page. */
export function useOwnTop<L extends HTMLElement>() {
  const list = useRef<L>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setTop(list.current?.offsetTop ?? 0);
    measure();
    const observer = new ResizeObserver(measure);
    for (const part of document.getElementById("main")?.children ?? []) observer.observe(part);
    return () => observer.disconnect();
  }, []);
  return { list, top };
}
