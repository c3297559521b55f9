/** Series of metrics put together by resource: utilisation, saturation and errors beside each other. */
import type { ResourceLevel, Resources, ResourceSeries } from '../api/types';

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

/** How long a step of a series is, in milliseconds; the answer tells whole seconds. */
export function stepMs({ window, step_seconds: told }: Resources, { values }: ResourceSeries) {
  const length = window.to_unix_ms - window.from_unix_ms;
  return Math.max(told * 1000, length / Math.max(1, values.length));
}

/** The last number that came. */
export function latest(series: ResourceSeries): number | undefined {
  return series.values.findLast((value) => value != null) ?? undefined;
}

/** The largest number of the window, and in which step it came first. */
export function peak({ values }: ResourceSeries): { value: number; step: number } | undefined {
  const known = values.filter((value) => value != null);
  if (known.length === 0) return undefined;
  const value = Math.max(...known);
  return { value, step: values.indexOf(value) };
}

/** The series of shares that was nearest to full within the window, now or earlier. */
export function tightest(series: ResourceSeries[]): ResourceSeries | undefined {
  const shares = series.filter((one) => one.unit === 'share' && peak(one) !== undefined);
  return shares.toSorted((one, other) => (peak(other)?.value ?? 0) - (peak(one)?.value ?? 0))[0];
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

/** The row that a link means: that of its name. Pods of one name are told apart by what came within a window, and a link may
 * be of another one than the page; so where no row has the name, it is the one that says a place more or less, and of
 * several the one that told last. */
export function meant(instances: Instance[], name: string, metric: string): Instance | undefined {
  const told = (one: Instance) => one.series.find((series) => series.metric === metric)?.values;
  const when = (one: Instance) => told(one)?.findLastIndex((value) => value != null) ?? -1;
  const of = instances.filter((one) => told(one) !== undefined);
  const alike = of.filter(
    ({ instance }) => withoutPlace(instance) === name || instance === withoutPlace(name),
  );
  return (
    of.find(({ instance }) => instance === name) ??
    alike.toSorted((one, other) => when(other) - when(one))[0]
  );
}

/** `web-0` of `web-0 (prod)`. */
function withoutPlace(name: string): string {
  return name.replace(/ \([^()]*\)$/, '');
}
