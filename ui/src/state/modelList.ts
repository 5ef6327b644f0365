import { useState } from "react";
import type { BackendView } from "../ipc/bindings/BackendView";
import type { CatalogModel } from "../ipc/bindings/CatalogModel";
import type { FitVerdict } from "../ipc/bindings/FitVerdict";
import type { InstalledModel } from "../ipc/bindings/InstalledModel";

const RANK: Record<FitVerdict["kind"], number> = {
  fits: 0,
  fitsAfterClosing: 1,
  partly: 2,
  processorOnly: 3,
  unknown: 4,
  tooLarge: 5,
};

/** Up to so many bytes a processor alone answers quickly enough to talk with. */
const QUICK_ON_PROCESSOR = 3 * 2 ** 30;

/**
 * Best fitting first; of two that run well the larger one, which answers better, of two that do
 * not the smaller one. What only finds texts comes last: nobody can talk with it.
 */
export function bestFirst(models: readonly CatalogModel[]): CatalogModel[] {
  return [...models].sort(
    (a, b) =>
      Number(onlyFindsTexts(a)) - Number(onlyFindsTexts(b)) ||
      RANK[a.fit.verdict.kind] - RANK[b.fit.verdict.kind] ||
      share(b.fit.verdict) - share(a.fit.verdict) ||
      Number(runsWell(b)) - Number(runsWell(a)) ||
      (runsWell(a) ? b.download - a.download : a.download - b.download) ||
      compare(a.name, b.name),
  );
}

const onlyFindsTexts = ({ capabilities }: CatalogModel): boolean =>
  capabilities.includes("embedding") && !capabilities.includes("completion");

/** How much of one that fits partly is on the graphics card. */
const share = (verdict: FitVerdict): number => (verdict.kind === "partly" ? verdict.percent : 0);

function runsWell({ fit, download }: CatalogModel): boolean {
  const { kind } = fit.verdict;
  if (kind === "processorOnly") return download <= QUICK_ON_PROCESSOR;
  return kind === "fits" || kind === "fitsAfterClosing";
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Without a graphics card the processor is what there is. */
export const fitsHere = ({ kind }: FitVerdict): boolean =>
  kind === "fits" || kind === "fitsAfterClosing" || kind === "processorOnly";

/** Each word of the search has to be found. */
export function catalogFound(
  models: readonly CatalogModel[],
  search: string,
  onlyFitting: boolean,
): CatalogModel[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return models.filter((model) => {
    if (onlyFitting && !fitsHere(model.fit.verdict)) return false;
    const text = [model.name, model.title, model.purpose, ...model.capabilities]
      .join(" ")
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/**
 * The order the catalog had when it was opened. Memory comes and goes, and what one is about to
 * press stays where it is.
 */
export function useSteadyOrder(models: readonly CatalogModel[]): CatalogModel[] {
  const [order] = useState(() => new Map(bestFirst(models).map(({ name }, at) => [name, at])));
  const at = ({ name }: CatalogModel) => order.get(name) ?? order.size;
  return [...models].sort((a, b) => at(a) - at(b));
}

export type ModelLine =
  | { key: string; kind: "model"; model: InstalledModel }
  | { key: string; kind: "heading"; backend: BackendView }
  | { key: string; kind: "elsewhere"; backend: BackendView; model: string }
  | { key: string; kind: "none"; backend: BackendView };

/** What is installed, then what other places have, each with its prefix. */
export function modelLines(
  installed: readonly InstalledModel[],
  backends: readonly BackendView[],
  search: string,
): ModelLine[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = (text: string) => words.every((word) => text.toLowerCase().includes(word));
  const lines: ModelLine[] = installed
    .filter(({ name }) => found(name))
    .map((model) => ({ key: `model ${model.name}`, kind: "model", model }));
  for (const backend of backends.filter(({ enabled }) => enabled)) {
    const models = backend.models.filter((model) => found(`${backend.name}/${model}`));
    if (words.length > 0 && models.length === 0) continue;
    lines.push({ key: `heading ${backend.name}`, kind: "heading", backend });
    if (models.length === 0) lines.push({ key: `none ${backend.name}`, kind: "none", backend });
    for (const model of models) {
      lines.push({ key: `${backend.name}/${model}`, kind: "elsewhere", backend, model });
    }
  }
  return lines;
}

/** The limits worth trying: from 2k on, each twice the last, up to what the model knows. */
export function contextChoices(current: number, trained: number | null): number[] {
  const most = trained ?? 131_072;
  const choices = new Set([current]);
  for (let tokens = 2_048; tokens <= most; tokens *= 2) choices.add(tokens);
  if (trained !== null && trained >= 2_048) choices.add(trained);
  return [...choices].sort((a, b) => a - b);
}
