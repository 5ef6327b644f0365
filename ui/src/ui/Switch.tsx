import { Switch as BaseSwitch } from "@base-ui/react/switch";
import styles from "./Switch.module.css";

type SwitchProps = {
  checked: boolean;
  onChange: (checked: boolean) => void;
  /** Its name, where no visible label stands beside it. */
  label?: string;
  labelledBy?: string;
  describedBy?: string;
  disabled?: boolean;
  testId?: string;
};

export function Switch(props: SwitchProps) {
  return (
    <BaseSwitch.Root
      className={styles.switch}
      checked={props.checked}
      onCheckedChange={(checked) => props.onChange(checked)}
      disabled={props.disabled}
      aria-label={props.label}
      aria-labelledby={props.labelledBy}
      aria-describedby={props.describedBy}
      data-testid={props.testId}
    >
      <BaseSwitch.Thumb className={styles.thumb} />
    </BaseSwitch.Root>
  );
}
