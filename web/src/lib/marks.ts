/** What happened during spans: their events and log records, as marks on their bars. */
import type { TraceLogs } from '../api/types';
import type { FullTrace } from './columns';

export interface Mark {
  /** From the begin of the trace. */
  micros: number;
  /** An exception, or a record of an error. */
  bad: boolean;
}

export interface Marks {
  /** By place of the span, in order of time. */
  spans: ReadonlyMap<number, Mark[]>;
  /** Of all members of a fold. */
  folds: ReadonlyMap<number, Mark[]>;
}

/** From this severity on a record tells of an error, as OpenTelemetry numbers them. */
const ERROR = 17;

export function marksOf(trace: FullTrace, logs: TraceLogs | undefined): Marks {
  const { events } = trace;
  const spans = new Map<number, Mark[]>();
  const folds = new Map<number, Mark[]>();
  const put = (place: number, mark: Mark) => {
    const node = trace.nodes[place];
    if (node === undefined) return;
    add(spans, place, mark);
    if (node.fold != null) add(folds, node.fold, mark);
  };
  events.span.forEach((place, number) =>
    put(place, {
      micros: (events.offset_nanos[number] ?? 0) / 1000,
      bad: events.exception[number] === true,
    }),
  );
  const records = (logs?.logs ?? []).filter((log) => log.span_id != null && log.unix_micros > 0);
  if (records.length > 0) {
    const places = new Map(trace.nodes.map((node, place) => [node.span_id, place]));
    for (const log of records)
      put(places.get(log.span_id ?? '') ?? -1, {
        micros: log.unix_micros - trace.start_unix_micros,
        bad: log.severity_number >= ERROR,
      });
  }
  for (const marks of [...spans.values(), ...folds.values()])
    marks.sort((one, other) => one.micros - other.micros);
  return { spans, folds };
}

/** Of marks in order of time those that are drawn: none closer than `apart` to another, unless it is a bad one. */
export function drawn(marks: Mark[], apart: number): Mark[] {
  const kept: Mark[] = [];
  for (const mark of marks) {
    const before = kept.at(-1);
    if (before === undefined || mark.micros - before.micros >= apart) kept.push(mark);
    else if (mark.bad && !before.bad) kept[kept.length - 1] = mark;
  }
  return kept;
}

function add(marks: Map<number, Mark[]>, key: number, mark: Mark) {
  const known = marks.get(key);
  if (known === undefined) marks.set(key, [mark]);
  else known.push(mark);
}
