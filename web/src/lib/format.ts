/** Figures as people read them: three significant digits, units apart so that they can be small. */

export interface Figure {
  value: string;
  unit: string;
}

/** What `toFixed` takes. */
const PLACES_MAX = 100;

/** Three significant digits, thousands separated. */
export function digits(value: number, significant = 3): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  // The power of ten after rounding: 99.97 is told as 100.
  const power = Number(value.toExponential(significant - 1).split('e')[1]);
  const places = significant - 1 - power;
  return places <= 0 ? grouped(value) : short(value.toFixed(Math.min(places, PLACES_MAX)));
}

/** Without the zeros at its end that only fill up places: those before the point count. */
function short(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** One for all: looking up how a language writes numbers takes longer than writing a table of them. */
const NUMBERS = new Intl.NumberFormat('en-GB');

export function grouped(value: number): string {
  return NUMBERS.format(Math.round(value));
}

/** Three significant digits with trailing zeros, for columns. */
function column(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 99.95) return grouped(value);
  return value.toFixed(size >= 9.995 ? 1 : 2);
}

export function duration(micros: number): Figure {
  if (!Number.isFinite(micros)) return { value: '–', unit: '' };
  if (micros === 0) return { value: '0', unit: 'ms' };
  if (micros < 1) return { value: digits(micros * 1000), unit: 'ns' };
  if (micros < 999.5) return { value: column(micros), unit: 'µs' };
  if (micros < 999_500) return { value: column(micros / 1e3), unit: 'ms' };
  if (micros < 120e6) return { value: column(micros / 1e6), unit: 's' };
  if (micros < 7200e6) return { value: column(micros / 60e6), unit: 'min' };
  return { value: column(micros / 3600e6), unit: 'h' };
}

export function durationText(micros: number): string {
  const { value, unit } = duration(micros);
  return unit === '' ? value : `${value} ${unit}`;
}

/** A place on an axis: without the zeros that a column keeps. */
export function tickText(micros: number): string {
  const { value, unit } = duration(micros);
  if (micros === 0) return '0';
  return `${short(value)} ${unit}`;
}

/** Hours a day; minutes below one. */
export function hoursPerDay(hours: number): Figure {
  if (hours >= 0.995 || hours === 0) return { value: column(hours), unit: 'h/d' };
  if (hours >= 1 / 60) return { value: digits(hours * 60, 2), unit: 'min/d' };
  return { value: digits(hours * 3600, 2), unit: 's/d' };
}

export function hoursText(hours: number): string {
  if (hours >= 0.995) return `${digits(hours)} hours`;
  if (hours >= 1 / 60) return `${digits(hours * 60, 2)} minutes`;
  return `${digits(hours * 3600, 2)} seconds`;
}

export function rate(perSecond: number): Figure {
  if (perSecond >= 1 || perSecond === 0) return { value: digits(perSecond), unit: '/s' };
  return { value: digits(perSecond * 60), unit: '/min' };
}

export function percent(share: number): Figure {
  const value = share * 100;
  if (value === 0) return { value: '0', unit: '%' };
  if (value < 0.1) return { value: '< 0.1', unit: '%' };
  return { value: value >= 9.95 ? Math.round(value).toString() : value.toFixed(1), unit: '%' };
}

export function bytes(count: number): Figure {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return { value: digits(value), unit: units[unit] ?? 'B' };
}

/** A figure with its unit, for titles, axes and readouts. */
export function asText({ value, unit }: Figure): string {
  return unit === '' ? value : `${value} ${unit}`;
}

export function days(count: number): Figure {
  return { value: digits(count, 2), unit: 'd' };
}

/** Person-days as they are said: `half a day`, `1.5 days`. */
export function daysText(count: number): string {
  if (count === 0.25) return 'a quarter of a day';
  if (count === 0.5) return 'half a day';
  if (count === 1) return 'a day';
  return `${digits(count, 2)} days`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** How moments are told in a zone; the browser's own one unless the address names another. */
function formats(zone?: string) {
  const of = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone });
  return {
    clock: of({ hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    short: of({ hour: '2-digit', minute: '2-digit' }),
    date: of({ day: 'numeric', month: 'short' }),
    day: of({ day: 'numeric', month: 'numeric', year: 'numeric' }),
    full: of({
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      fractionalSecondDigits: 3,
      hourCycle: 'h23',
      timeZoneName: 'shortOffset',
    }),
  };
}

let told = formats();
let toldIn: string | undefined;

/** From now on moments are told in this zone. */
export function tellIn(zone: string | undefined) {
  if (zone === toldIn) return;
  toldIn = zone;
  told = formats(zone);
}

/** The zone in which moments are told. */
export function zone(): string | undefined {
  return toldIn;
}

/** The time of day; the date too if that is not today. */
export function clock(unixMs: number, now = Date.now()): string {
  const today = told.day.format(now) === told.day.format(unixMs);
  if (today) return told.clock.format(unixMs);
  return `${told.date.format(unixMs)}, ${told.short.format(unixMs)}`;
}

/** Both ends of a stretch, told alike: without dates if all of it is of today. */
export function stretch(from: number, to: number, between = '–', now = Date.now()): string {
  const day = told.day.format(now);
  const isOfToday = told.day.format(from) === day && told.day.format(to) === day;
  const end = (unixMs: number) =>
    isOfToday
      ? told.clock.format(unixMs)
      : `${told.date.format(unixMs)}, ${told.short.format(unixMs)}`;
  return `${end(from)} ${between} ${end(to)}`;
}

export function clockShort(unixMs: number, spanMs: number): string {
  return spanMs > 36 * 3600e3 ? told.date.format(unixMs) : told.short.format(unixMs);
}

/** A moment in full: `2026-11-22 20:31:16.506 UTC+1`; milliseconds only where there are some. */
export function full(unixMs: number): string {
  const parts = told.full.formatToParts(unixMs);
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? '';
  const date = `${of('year')}-${of('month')}-${of('day')}`;
  const rest = of('fractionalSecond');
  const time = `${of('hour')}:${of('minute')}:${of('second')}${rest === '000' ? '' : `.${rest}`}`;
  // Called `GMT+1`, and of UTC itself `GMT` or `GMT+0`.
  const offset = of('timeZoneName')
    .replace('GMT', 'UTC')
    .replace(/[+-]0$/, '');
  return `${date} ${time} ${offset}`;
}

export function ago(unixMs: number, now = Date.now()): string {
  const seconds = Math.max(0, (now - unixMs) / 1000);
  if (seconds < 5) return 'just now';
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h ago`;
  return `${plural(Math.round(seconds / 86_400), 'day')} ago`;
}

/** A claim or hint as a sentence of its own. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
