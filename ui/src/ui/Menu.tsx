import { Menu as BaseMenu } from "@base-ui/react/menu";
import type { ReactNode } from "react";
import { Button, IconButton } from "./Button";
import { Icon, type IconName } from "./Icon";
import styles from "./Menu.module.css";

type MenuProps = {
  label: string;
  children: ReactNode;
  icon?: IconName;
  className?: string | undefined;
  testId?: string;
  /** Whether the label is shown beside the picture. */
  worded?: boolean;
};

export function Menu({ label, children, icon, className, testId, worded }: MenuProps) {
  return (
    <BaseMenu.Root modal={false}>
      <BaseMenu.Trigger
        render={
          worded ? (
            <Button icon={icon ?? "down"} className={className} data-testid={testId ?? "menu"}>
              {label}
            </Button>
          ) : (
            <IconButton
              icon={icon ?? "more"}
              label={label}
              className={className}
              data-testid={testId ?? "menu"}
            />
          )
        }
      />
      <BaseMenu.Portal>
        <BaseMenu.Positioner className={styles.positioner} align="end" sideOffset={4}>
          <BaseMenu.Popup className={styles.popup}>{children}</BaseMenu.Popup>
        </BaseMenu.Positioner>
      </BaseMenu.Portal>
    </BaseMenu.Root>
  );
}

export function MenuItem(props: {
  icon: IconName;
  children: ReactNode;
  onClick: () => void;
  disabled?: boolean;
  danger?: boolean;
  testId?: string;
}) {
  return (
    <BaseMenu.Item
      className={styles.item}
      onClick={props.onClick}
      disabled={props.disabled}
      data-danger={props.danger || undefined}
      data-testid={props.testId}
    >
      <Icon name={props.icon} />
      {props.children}
    </BaseMenu.Item>
  );
}

export function MenuGroup({ label, children }: { label: string; children: ReactNode }) {
  return (
    <BaseMenu.Group className={styles.group}>
      <BaseMenu.GroupLabel className={styles.label}>{label}</BaseMenu.GroupLabel>
      {children}
    </BaseMenu.Group>
  );
}

export function MenuLine() {
  return <BaseMenu.Separator className={styles.line} />;
}
