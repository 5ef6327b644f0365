import type { ReactNode, Ref } from "react";
import { usePageTitle } from "../state/route";
import styles from "./Page.module.css";

type PageProps = {
  title: string;
  /** Stands above the title: where the page belongs. */
  above?: ReactNode;
  /** Stands beside the title. */
  aside?: ReactNode;
  intro?: ReactNode;
  /** What the page is about, when it is more than its title. */
  subject?: string;
  wide?: boolean;
  children: ReactNode;
};

export function Page({ title, above, aside, intro, subject, wide, children }: PageProps) {
  usePageTitle(title, subject ?? title);
  return (
    <div className={styles.page} data-wide={wide || undefined}>
      {above && <div className={styles.above}>{above}</div>}
      <header className={styles.head}>
        <div className={styles.titles}>
          <h1 tabIndex={-1} data-page-title>
            {title}
          </h1>
          {intro && <p className={styles.intro}>{intro}</p>}
        </div>
        {aside && <div className={styles.aside}>{aside}</div>}
      </header>
      {children}
    </div>
  );
}

/** A part of a page with a heading of its own. */
export function Section(props: {
  title: string;
  intro?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  testId?: string;
  /** The section itself, to be brought into view. */
  sectionRef?: Ref<HTMLElement>;
}) {
  return (
    <section
      ref={props.sectionRef}
      className={styles.section}
      aria-label={props.title}
      data-testid={props.testId}
    >
      <div className={styles.sectionHead}>
        <div className={styles.titles}>
          <h2>{props.title}</h2>
          {props.intro && <p className={styles.intro}>{props.intro}</p>}
        </div>
        {props.aside}
      </div>
      {props.children}
    </section>
  );
}

export function Card({ children, flush }: { children: ReactNode; flush?: boolean }) {
  return (
    <div className={styles.card} data-flush={flush || undefined}>
      {children}
    </div>
  );
}

/** One setting: what it is at the start, its control at the end, below each other where narrow. */
export function Row(props: {
  title: ReactNode;
  titleId?: string;
  detail?: ReactNode;
  detailId?: string;
  children?: ReactNode;
}) {
  return (
    <div className={styles.row}>
      <div className={styles.rowText}>
        <div className={styles.rowTitle} id={props.titleId}>
          {props.title}
        </div>
        {props.detail && (
          <div className={styles.rowDetail} id={props.detailId}>
            {props.detail}
          </div>
        )}
      </div>
      {props.children && <div className={styles.rowControl}>{props.children}</div>}
    </div>
  );
}
