/** What the colours of a merged tree mean: names, groups or kinds by their own time, the largest first. */
import type { CallTree } from './calltree';

/** More would not be told apart. */
export const LEGEND_MAX = 14;

export interface Part {
  /** As colours tell it apart. */
  key: string;
  /** Share of the time of the whole tree, 0 to 1. */
  share: number;
}

export function partsOf(tree: CallTree, side: 0 | 1, by: string): Part[] {
  const amounts = tree.sides[side];
  const sums = new Map<string, number>();
  tree.frame.forEach((frame, place) => {
    const key = keyOf(tree, frame, by);
    sums.set(key, (sums.get(key) ?? 0) + (amounts?.own[place] ?? 0));
  });
  const all = amounts?.all ?? 0;
  return [...sums]
    .map(([key, own]) => ({ key, share: all > 0 ? own / all : 0 }))
    .filter((part) => part.share > 0)
    .toSorted((left, right) => right.share - left.share);
}

/** What the colour of a frame stands for. */
export function keyOf(tree: CallTree, frame: number, by: string): string {
  const known = tree.frames[frame];
  if (by === 'kind') return known?.kind ?? 'own';
  return (by === 'name' ? known?.name : known?.group) ?? '';
}
