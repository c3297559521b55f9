/** Colours that mean something and always the same: a service has its own, stable from page to page. */
import type { Kind } from '../api/types';
import type { Theme } from './theme';

/** Steps around the circle: more would not be told apart. */
const HUES = 18;

/** A muted colour of a service, host or file: the same for the same text. */
export function colourOf(text: string, theme: Theme): string {
  if (text === '') return theme === 'dark' ? '#5b6069' : '#c4c6ca';
  const hue = (hash(text) % HUES) * (360 / HUES);
  return theme === 'dark' ? hex(hue, 0.34, 0.4) : hex(hue, 0.5, 0.76);
}

/** The hues of kinds, read from the style sheet so that they are written down once. */
export function kindColours(element: Element): Record<Kind, string> {
  const style = getComputedStyle(element);
  const of = (kind: Kind) => style.getPropertyValue(`--kind-${kind}`).trim() || '#888888';
  return {
    own: of('own'),
    database: of('database'),
    cache: of('cache'),
    http: of('http'),
    queue: of('queue'),
  };
}

/** What became more, what became less: told by lightness too, and by the sign beside each figure. */
export function changeColour(change: number, theme: Theme): string {
  const strength = Math.min(1, Math.abs(change));
  if (strength < 0.005) return theme === 'dark' ? '#4a505a' : '#d9d9d5';
  const hue = change > 0 ? 28 : 210;
  return theme === 'dark'
    ? hex(hue, 0.3 + 0.5 * strength, 0.32 + 0.18 * strength)
    : hex(hue, 0.35 + 0.5 * strength, 0.86 - 0.26 * strength);
}

/** Black or white, whichever is read better on a colour (WCAG 2, relative luminance). */
export function inkOn(colour: string): string {
  const part = (place: number) => {
    const value = Number.parseInt(colour.slice(1 + 2 * place, 3 + 2 * place), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const light = 0.2126 * part(0) + 0.7152 * part(1) + 0.0722 * part(2);
  return light > 0.179 ? '#000000' : '#ffffff';
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let place = 0; place < text.length; place += 1)
    value = Math.imul(value ^ text.charCodeAt(place), 0x01000193);
  return value >>> 0;
}

function hex(hue: number, saturation: number, lightness: number): string {
  const chroma = saturation * Math.min(lightness, 1 - lightness);
  const part = (offset: number) => {
    const turn = (offset + hue / 30) % 12;
    const value = lightness - chroma * Math.max(-1, Math.min(turn - 3, 9 - turn, 1));
    return Math.round(255 * value)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${part(0)}${part(8)}${part(4)}`;
}
