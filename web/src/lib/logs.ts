/** What a log record says, and when, beside a trace. */
import type { Log } from '../api/types';
import { durationText } from './format';

/** What a record says: its text, or the name of its event. */
export function message(log: Log): string {
  return log.body === '' ? log.event_name : log.body;
}

/** `+12.3 ms` from a beginning; clocks of hosts differ, so it may be before it. */
export function offset(log: Log, startMicros: number): string {
  if (log.unix_micros === 0) return '–';
  const micros = log.unix_micros - startMicros;
  return `${micros < 0 ? '−' : '+'}${durationText(Math.abs(micros))}`;
}
