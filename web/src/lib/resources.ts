/** Series of metrics put together by resource: utilisation, saturation and errors beside each other. */
import type { ResourceLevel, ResourceSeries } from '../api/types';

/** From here on a share is tight: what comes in bursts has no room left. */
export const TIGHT = 0.8;

export interface Instance {
  of: string;
  instance: string;
  resource: string;
  series: ResourceSeries[];
}

/** Each resource of each host, process or pool once, in the order in which they came. */
export function byInstance(series: ResourceSeries[]): Instance[] {
  const known = new Map<string, Instance>();
  for (const one of series) {
    const key = JSON.stringify([one.of, one.instance, one.resource]);
    const entry = known.get(key);
    if (entry === undefined) {
      known.set(key, {
        of: one.of,
        instance: one.instance,
        resource: one.resource,
        series: [one],
      });
    } else entry.series.push(one);
  }
  return [...known.values()];
}

/** The last number that came. */
export function latest(series: ResourceSeries): number | undefined {
  return series.values.findLast((value) => value != null) ?? undefined;
}

/** The series of shares that is nearest to full. */
export function tightest(series: ResourceSeries[]): ResourceSeries | undefined {
  const shares = series.filter((one) => one.unit === 'share' && latest(one) !== undefined);
  return shares.toSorted((one, other) => (latest(other) ?? 0) - (latest(one) ?? 0))[0];
}

/** What the Resources page is asked with to show where a figure is from: the row of it, among those of its service unless
 * it is of something that several share. */
export function evidence(level: ResourceLevel, service?: string): Record<string, string> {
  const shared = level.of === 'host' || level.of === 'container';
  return {
    ...(service === undefined || shared ? {} : { service }),
    metric: level.metric,
    instance: level.instance,
  };
}
