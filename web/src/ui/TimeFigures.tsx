/** Figures of one thing, each with its line over time; a line opens as a chart, and the address holds which one. */
import type { ReactNode } from 'react';

import { onSteps } from '../lib/axis';
import { digits } from '../lib/format';
import { useParam } from '../lib/route';
import { stepText } from '../lib/time';
import { useMarks } from './Marks';
import { Spark } from './Spark';
import { TimeChart } from './TimeChart';

export interface TimeFigure<Point> {
  name: string;
  /** Over all steps. */
  all: ReactNode;
  note?: string | undefined;
  /** Of a step; nothing where nothing was seen. A figure without it has no line. */
  step?: (point: Point) => number | null | undefined;
  /** A figure of a step with its unit. */
  text?: (value: number) => string;
  /** What the axis reaches at least. */
  reach?: number;
}

interface Props<Point> {
  /** What they are of, where that is not the whole page. */
  of?: string;
  points: Point[];
  /** The stretch of time in which the points begin their steps. */
  window: { from_unix_ms: number; to_unix_ms: number };
  figures: TimeFigure<Point>[];
}

export function TimeFigures<Point extends { from_unix_ms: number }>(props: Props<Point>) {
  const { of, points, window, figures } = props;
  const [open, setOpen] = useParam('chart');
  const steps = onSteps(points, window);
  const lines = figures.map(({ step }) =>
    step === undefined
      ? []
      : steps.map((point) => (point === undefined ? undefined : (step(point) ?? undefined))),
  );
  const isLine = (place: number) => lines[place]?.some((value) => value !== undefined) ?? false;
  const shown = figures.findIndex(({ name }, place) => name === open && isLine(place));
  return (
    <>
      <dl className="figures" {...(of !== undefined && { 'aria-label': `${of} over time` })}>
        {figures.map(({ name, all, note, text = digits, reach = 0 }, place) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <span className="big">{all}</span>
              {note !== undefined && <span className="dim">{note}</span>}
              {isLine(place) && (
                <button
                  type="button"
                  className="opens"
                  aria-expanded={open === name}
                  onClick={() => setOpen(open === name ? '' : name)}
                >
                  <Spark
                    values={lines[place] ?? []}
                    label={`${of === undefined ? '' : `${of}: `}${name} over time`}
                    text={text}
                    reach={reach}
                    width={120}
                    height={28}
                  />
                </button>
              )}
            </dd>
          </div>
        ))}
      </dl>
      {shown !== -1 && (
        <Chart
          label={`${open} in steps of ${stepText(lengthOf(window) / steps.length)}`}
          window={window}
          values={lines[shown] ?? []}
          text={figures[shown]?.text ?? digits}
          reach={figures[shown]?.reach}
        />
      )}
    </>
  );
}

interface ChartProps {
  label: string;
  window: Props<never>['window'];
  values: (number | undefined)[];
  text: (value: number) => string;
  reach?: number | undefined;
}

function Chart({ label, window, values, text, reach }: ChartProps) {
  const marks = useMarks();
  return (
    <TimeChart
      label={label}
      from={window.from_unix_ms}
      to={window.to_unix_ms}
      lines={[{ name: label, className: 'p95', values }]}
      text={text}
      reach={reach}
      marks={marks}
    />
  );
}

/** In seconds. */
function lengthOf(window: Props<never>['window']): number {
  return Math.max(1, (window.to_unix_ms - window.from_unix_ms) / 1000);
}
