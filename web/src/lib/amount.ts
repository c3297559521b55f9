/** Amounts of call trees and profiles in their unit. */
import type { FlameUnit } from '../api/types';
import { bytes, duration, grouped, percent, type Figure } from './format';

export function amount(value: number, unit: FlameUnit): Figure {
  switch (unit) {
    case 'nanos':
      return duration(value / 1000);
    case 'bytes':
      return bytes(value);
    case 'count':
      return { value: grouped(value), unit: '' };
  }
}

export function amountText(value: number, unit: FlameUnit): string {
  const { value: figure, unit: small } = amount(value, unit);
  return small === '' ? figure : `${figure} ${small}`;
}

/** `+1.20 ms`, `−3`, `±0`. */
export function changeText(change: number, unit: FlameUnit): string {
  if (change === 0) return '±0';
  return `${change < 0 ? '−' : '+'}${amountText(Math.abs(change), unit)}`;
}

export function shareText(part: number, whole: number): string {
  const { value, unit } = percent(whole > 0 ? part / whole : 0);
  return `${value}\u2009${unit}`;
}
