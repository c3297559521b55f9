/** The first groups over time, by the figure that they are ranked by. */
import type { TableAnswer, TableRow } from '../../api/types';
import { figureText, perStep } from '../../lib/question';
import { useQuery } from '../../lib/route';
import { useMarks } from '../../ui/Marks';
import { TimeChart } from '../../ui/TimeChart';

/** Lines that can be told apart: as many as there are hues and dashes. */
const LINES_MAX = 5;

/** A figure of a group for each step of the window; none where it was not seen. */
export function series(answer: TableAnswer, row: TableRow, place: number): (number | undefined)[] {
  const step = (answer.step_seconds ?? 0) * 1000;
  if (step === 0) return [];
  const { from_unix_ms: from, to_unix_ms: end } = answer.window;
  // Where nothing came nothing took long, and none is none.
  const none = /^(count|rate|errors)$/.test(answer.columns[place]?.name ?? '') ? 0 : undefined;
  const values = new Array<number | undefined>(Math.ceil((end - from) / step)).fill(none);
  for (const { from_unix_ms: at, figures } of row.steps) {
    const which = Math.round((at - from) / step);
    if (which >= 0 && which < values.length) values[which] = figures[place] ?? undefined;
  }
  return values;
}

export function Chart({ answer }: { answer: TableAnswer }) {
  const marks = useMarks();
  const order = useQuery().get('order');
  const place = Math.max(
    0,
    answer.columns.findIndex((column) => column.name === order),
  );
  const column = answer.columns[place];
  const seconds = answer.step_seconds ?? 0;
  const lines = answer.rows.slice(0, LINES_MAX).map((row, number) => ({
    name: row.key.map((value) => value ?? '–').join(' · ') || 'all',
    className: `hue${number}`,
    values: series(answer, row, place),
  }));
  const count = lines[0]?.values.length ?? 0;
  if (column === undefined || count < 2) return null;
  const from = answer.window.from_unix_ms;
  return (
    <div className="asked">
      <TimeChart
        label={`${column.name}${perStep(column.name, seconds)}`}
        from={from}
        to={from + count * seconds * 1000}
        lines={lines}
        text={(value) => figureText(value, column.unit)}
        marks={marks}
        height={200}
      />
    </div>
  );
}
