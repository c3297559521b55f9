/** What the colours of a flame graph mean: names, groups or kinds by their own time, the largest first. */
import type { CallTree } from './calltree';

/** More would not be told apart. */
export const LEGEND_MAX = 14;

export interface Part {
  /** As colours tell it apart. */
  key: string;
  /** Time of its own, in the unit of the picture. */
  amount: number;
  /** Share of the time of the whole picture, 0 to 1. */
  share: number;
}

export function partsOf(tree: CallTree, side: 0 | 1, by: string): Part[] {
  const amounts = tree.sides[side];
  const sums = new Map<string, number>();
  tree.frame.forEach((frame, place) => {
    const key = keyOf(tree, frame, by);
    sums.set(key, (sums.get(key) ?? 0) + (amounts?.own[place] ?? 0));
  });
  return shares(sums, amounts?.all ?? 0).filter((part) => part.share > 0);
}

/** Amounts as parts of all of it. */
export function shares(sums: ReadonlyMap<string, number>, all: number): Part[] {
  return [...sums]
    .map(([key, amount]) => ({ key, amount, share: all > 0 ? amount / all : 0 }))
    .toSorted((left, right) => right.share - left.share);
}

/** The parts that are told one by one, and what the others come to: together they are all of it. */
export function told(parts: Part[]): { shown: Part[]; others: Part[]; rest: number } {
  const others = parts.slice(LEGEND_MAX);
  const rest = others.reduce((sum, part) => sum + part.share, 0);
  return { shown: parts.slice(0, LEGEND_MAX), others, rest };
}

/** What the colour of a frame stands for. */
export function keyOf(tree: CallTree, frame: number, by: string): string {
  const known = tree.frames[frame];
  if (by === 'kind') return known?.kind ?? 'own';
  return (by === 'name' ? known?.name : known?.group) ?? '';
}
