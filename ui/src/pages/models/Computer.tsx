import { type ReactNode, useId } from "react";
import type { ComputerView } from "../../ipc/bindings/ComputerView";
import type { GpuView } from "../../ipc/bindings/GpuView";
import { useComputer } from "../../state/computer";
import {
  cardWords,
  coresWords,
  memoryWords,
  shareUsed,
  userWords,
} from "../../state/computerWords";
import { formatMemory } from "../../state/modelWords";
import { Bar } from "../../ui/Bar";
import { Skeleton } from "../../ui/Blank";
import { Foreign } from "../../ui/Foreign";
import { Icon, type IconName } from "../../ui/Icon";
import { Card } from "../../ui/Page";
import { Claim, Pill } from "../../ui/Pill";
import { ProblemNote, Remark } from "../../ui/Problem";
import styles from "./Computer.module.css";

/** What models run on, as it is now. */
export function Computer() {
  const state = useComputer();
  if (state.kind === "failed") return <ProblemNote problem={state.error.problem} alert />;
  if (state.kind === "loading") {
    return (
      <Card flush>
        <Skeleton rows={4} label="Reading what this computer is made of" />
      </Card>
    );
  }
  return <Present computer={state.computer} />;
}

function Present({ computer }: { computer: ComputerView }) {
  const { processorUse, gpus, disk, memoryLimit, unified } = computer;
  return (
    <div className={styles.parts} data-testid="computer">
      <Remark icon="chip" testId="computer-summary">
        <p>{computer.summary}</p>
      </Remark>
      {gpus.map((gpu) => (
        <GraphicsCard key={gpu.id} gpu={gpu} unified={unified} />
      ))}
      <Part icon="models" title="Main memory" name={unified ? "Shared with graphics" : undefined}>
        <Level
          label="Main memory in use"
          words={memoryWords(computer.memoryFree, computer.memoryTotal)}
          share={shareUsed(computer.memoryFree, computer.memoryTotal)}
        />
        {memoryLimit && <p className={styles.note}>{memoryLimit}</p>}
      </Part>
      <Part icon="chip" title="Processor" name={computer.processor}>
        <Level
          label="Processor in use"
          words={`${processorUse === null ? "Measuring" : `${Math.round(processorUse)} % busy`}, ${coresWords(computer)}`}
          share={(processorUse ?? 0) / 100}
        />
      </Part>
      {disk && (
        <Part icon="disk" title="Disk with the models">
          <Level
            label="Disk in use"
            words={`${formatMemory(disk.free, "down")} free of ${formatMemory(disk.total, "down")}`}
            share={shareUsed(disk.free, disk.total)}
          />
          <p className={styles.note}>
            <code>
              <Foreign text={disk.folder} />
            </code>
          </p>
        </Part>
      )}
    </div>
  );
}

type PartProps = { icon: IconName; title: string; name?: string | undefined; children: ReactNode };

function Part({ icon, title, name, children }: PartProps) {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <Card>
        <div className={styles.part}>
          <Icon name={icon} className={styles.picture} />
          <div className={styles.body}>
            <h2 id={id}>{title}</h2>
            {name && (
              <p>
                <Foreign text={name} />
              </p>
            )}
            {children}
          </div>
        </div>
      </Card>
    </section>
  );
}

function Level({ label, words, share }: { label: string; words: string; share: number }) {
  return (
    <div className={styles.level}>
      <p>{words}</p>
      <Bar kind="meter" label={label} words={words} share={share} />
    </div>
  );
}

function GraphicsCard({ gpu, unified }: { gpu: GpuView; unified: boolean }) {
  const { total, free, users, usedByOllama } = gpu;
  return (
    <Part icon="card" title={gpu.integrated ? "Graphics of the processor" : "Graphics card"}>
      <p className={styles.name} data-testid={`gpu-${gpu.id}`}>
        <Foreign text={gpu.name} />
        {usedByOllama === true && <Pill tone="open">Ollama uses it</Pill>}
        {usedByOllama === false && <Claim>Ollama does not use it</Claim>}
      </p>
      {total !== null && free !== null ? (
        <Level
          label={`Memory of ${gpu.name} in use`}
          words={memoryWords(free, total)}
          share={shareUsed(free, total)}
        />
      ) : (
        <p className={styles.note}>{cardWords(gpu, unified)}</p>
      )}
      {users.length > 0 && (
        <ul className={styles.users} aria-label="Programs that hold its memory">
          {users.map((user) => (
            <li key={user.name}>
              <Foreign text={userWords(user)} />
            </li>
          ))}
        </ul>
      )}
    </Part>
  );
}
