import type { RecordWork } from "../ipc/bindings/RecordWork";
import type { Host } from "../ipc/host";

/** What is being done with the whole record, whichever page began it. */
export class WorkWatch {
  #work: RecordWork | null = null;
  #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly work = () => this.#work;

  follow(host: Host): () => void {
    return host.on((event) => {
      if (event.event === "recordWorkMoved") this.take(event.payload);
    });
  }

  take(work: RecordWork | null) {
    this.#work = work;
    for (const listener of this.#listeners) listener();
  }
}
