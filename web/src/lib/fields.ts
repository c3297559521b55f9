/** JSON that others wrote, read without trust: what is of another kind is none, and lists are bounded. */

export type Fields = Record<string, unknown>;

/** p50, p95 and p99 in µs. */
export type Quantiles = [number, number, number];

/** Entries of a list that are looked at: a page has no room for more. */
const LIST_MAX = 10_000;

export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : {};
}

export function list(value: unknown, most = LIST_MAX): Fields[] {
  return Array.isArray(value) ? value.slice(0, most).map(fields) : [];
}

/** A number, zero where there is none. */
export function number(value: unknown): number {
  return some(value) ?? 0;
}

/** A number, if there is one. */
export function some(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function texts(value: unknown): string[] {
  return Array.isArray(value)
    ? value.slice(0, LIST_MAX).filter((one): one is string => typeof one === 'string')
    : [];
}

/** Of nanoseconds. */
export function micros(value: unknown): number {
  return number(value) / 1000;
}

/** The two ends of an interval. */
export function pair(
  value: unknown,
  end: (value: unknown) => number = number,
): [number, number] | undefined {
  return Array.isArray(value) && value.length === 2 ? [end(value[0]), end(value[1])] : undefined;
}

export function quantiles(of: Fields): Quantiles {
  return [micros(of['p50']), micros(of['p95']), micros(of['p99'])];
}

/** A property, if it has a value. */
export function given<Name extends string, T>(name: Name, value: T | undefined) {
  return (value === undefined ? {} : { [name]: value }) as Partial<Record<Name, T>>;
}
