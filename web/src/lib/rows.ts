/** Spans and log records as CSV: those that are shown, in the order in which they are shown. */
import type { Log, SpanSummary } from '../api/types';
import { csvOf } from './question';

export function spansCsv(spans: SpanSummary[]): string {
  const head = [
    'time',
    'service',
    'name',
    'kind',
    'duration [µs]',
    'failed',
    'trace.id',
    'span.id',
  ];
  return csvOf(
    head,
    spans.map((span) => [
      moment(span.start_unix_ms),
      span.service,
      span.name,
      span.kind,
      String(span.duration_micros),
      String(span.failed),
      span.trace_id,
      span.span_id,
    ]),
  );
}

export function logsCsv(logs: Log[]): string {
  const head = ['time', 'service', 'severity', 'body', 'event.name', 'trace.id', 'span.id'];
  return csvOf(
    head,
    logs.map((log) => [
      log.unix_micros === 0 ? '' : moment(log.unix_micros / 1000),
      log.service,
      log.severity || log.severity_text,
      log.body,
      log.event_name,
      log.trace_id ?? '',
      log.span_id ?? '',
    ]),
  );
}

function moment(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
