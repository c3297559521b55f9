/** What sessions wait for, in the order in which it is stacked, and the same hue everywhere. */
import type { LoadPoint } from '../api/types';

export const WAITS = [
  { type: 'CPU', name: 'CPU' },
  { type: 'IO', name: 'IO' },
  { type: 'Lock', name: 'locks' },
  { type: 'LWLock', name: 'lightweight locks' },
  { type: 'Client', name: 'the client' },
  { type: 'IPC', name: 'processes of the server' },
];

const OTHER = { type: 'other', name: 'everything else' };

export interface Layer {
  type: string;
  name: string;
  /** Average active sessions for each step. */
  values: number[];
  /** The same over all steps. */
  mean: number;
}

/** Layers with anything in them, the largest of the usual kinds first as listed. */
export function layers(points: LoadPoint[]): Layer[] {
  return [...WAITS, OTHER]
    .map(({ type, name }) => {
      const values = points.map((point) =>
        point.waits
          .filter((wait) => kind(wait.wait_type) === type)
          .reduce((sum, wait) => sum + wait.sessions, 0),
      );
      const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
      return { type, name, values, mean };
    })
    .filter((layer) => layer.mean > 0);
}

export function kind(type: string): string {
  return WAITS.some((known) => known.type === type) ? type : OTHER.type;
}

/** Single wait events by their mean, largest first. */
export function events(points: LoadPoint[]): { type: string; event: string; mean: number }[] {
  const sums = new Map<string, { type: string; event: string; mean: number }>();
  for (const point of points) {
    for (const wait of point.waits) {
      const key = `${wait.wait_type} ${wait.wait_event}`;
      const known = sums.get(key) ?? { type: wait.wait_type, event: wait.wait_event, mean: 0 };
      known.mean += wait.sessions / points.length;
      sums.set(key, known);
    }
  }
  return [...sums.values()].toSorted((left, right) => right.mean - left.mean);
}
