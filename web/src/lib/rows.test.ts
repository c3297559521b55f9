import { expect, test } from 'vitest';

import type { Log, SpanSummary } from '../api/types';
import { logsCsv, spansCsv } from './rows';

test('spans are lines, in their order, with what would be a formula made text', () => {
  const span = (name: string, micros: number): SpanSummary => ({
    trace_id: 'a'.repeat(32),
    span_id: 'b'.repeat(16),
    service: 'shop',
    name,
    kind: 'server',
    start_unix_ms: 60_000,
    duration_micros: micros,
    failed: micros > 5,
  });
  expect(spansCsv([span('GET /a, b', 7.5), span('=1+1', 2)]).split('\r\n')).toEqual([
    'time,service,name,kind,duration [µs],failed,trace.id,span.id',
    `1970-01-01T00:01:00.000Z,shop,"GET /a, b",server,7.5,true,${'a'.repeat(32)},${'b'.repeat(16)}`,
    `1970-01-01T00:01:00.000Z,shop,'=1+1,server,2,false,${'a'.repeat(32)},${'b'.repeat(16)}`,
    '',
  ]);
});

test('log records are lines, those of no trace too', () => {
  const log = { unix_micros: 0, service: 's', severity: '', severity_text: 'WARN', body: 'a\nb' };
  expect(logsCsv([{ ...log, event_name: '' } as Log])).toBe(
    'time,service,severity,body,event.name,trace.id,span.id\r\n,s,WARN,"a\nb",,,\r\n',
  );
});
