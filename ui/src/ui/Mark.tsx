import styles from "./Mark.module.css";

/**
 * The drawbridge: deck down is open, deck up is paused, a sign beside it is trouble. One colour,
 * so that it reads at 16 pixels on any ground.
 */
export function Mark({ up, sign, className }: { up: boolean; sign: boolean; className?: string }) {
  return (
    <svg
      className={`${styles.mark} ${className ?? ""}`}
      viewBox="0 0 32 32"
      aria-hidden="true"
      focusable="false"
    >
      <path
        className={styles.solid}
        d="M2 6h2.4v2.2h2V6h2.2v2.2h2V6H13v20H9.7v-5.2a2.2 2.2 0 0 0-4.4 0V26H2z"
      />
      {!sign && <path className={styles.solid} d="M27 19h3v7h-3z" />}
      {sign && <path className={styles.solid} d="M27 22h3v4h-3z" />}
      <path className={styles.deck} d="M13 23.6h14" data-up={up} />
      <path className={styles.chain} d={up ? "M13 9.6h6.4" : "M13 9.6 24.6 23"} />
      {sign && (
        <>
          <path className={styles.sign} d="M24.4 5.2 30 15.4H18.8z" />
          <path className={styles.signText} d="M24.4 8.9v3M24.4 13.6h.01" />
        </>
      )}
    </svg>
  );
}
