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
      <path
        className={styles.deck}
        d="M13 23.6h14"
        data-up={up ? (sign ? "steep" : "yes") : undefined}
      />
      <path className={styles.chain} d={chainOf(up, sign)} />
      {sign && (
        <>
          <path className={styles.sign} d="M25.2 5.4 30.6 15.4H19.8z" />
          <path className={styles.signText} d="M25.2 9v2.9M25.2 13.6h.01" />
        </>
      )}
    </svg>
  );
}

/** From the top of the tower to the end of the deck. */
function chainOf(up: boolean, sign: boolean): string {
  if (!up) return "M13 9.6 24.6 23";
  return sign ? "M13 9.6h4" : "M13 9.6 21.4 12.6";
}
