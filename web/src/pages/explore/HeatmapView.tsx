/** Latency over time: a column for each stretch of time, a row for each class of durations, darker where more. */
import { useState } from 'react';

import { path, useApi } from '../../api/use';
import type { Heatmap } from '../../api/types';
import { clock, grouped, plural, tickText } from '../../lib/format';
import { figureText, joined } from '../../lib/question';
import { setParams } from '../../lib/route';
import { logScale, logTicks } from '../../lib/scale';
import { useWidth } from '../../lib/size';
import { CoverageNote } from '../../ui/CoverageNote';
import { Problem, Waiting } from '../../ui/Empty';
import { MarksHere } from '../../ui/Marks';
import { TimeTicks } from '../../ui/TimeChart';
import type { Question } from './ExplorePage';
import { Nothing } from './Notes';

const HEIGHT = 300;
const BOTTOM = 22;
const TOP = 12;
const LEFT = 60;

export function HeatmapView({ question }: { question: Question }) {
  const { range, where } = question;
  const { data, problem } = useApi<Heatmap>(path('heatmap', { ...range, where }), false);
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (data === undefined) return <Waiting />;
  if (data.columns.length === 0) return <Nothing question={question} />;
  return (
    <>
      <Cells map={data} />
      <p className="dim">
        Click a class to compare the spans that took at least as long with the others.{' '}
        <CoverageNote coverage={data.coverage} />
      </p>
    </>
  );
}

function Cells({ map }: { map: Heatmap }) {
  const [measure, width] = useWidth();
  const [here, setHere] = useState<string>();
  const low = map.edges[0] ?? 1;
  const high = map.edges.at(-1) ?? 10;
  const { from_unix_ms: from, to_unix_ms: end } = map.window;
  const x = (ms: number) => LEFT + ((ms - from) / (end - from)) * (width - LEFT);
  const y = logScale(low, high, HEIGHT - BOTTOM, TOP);
  const most = Math.max(...map.columns.flatMap((column) => column.counts));
  return (
    <figure className="chart heatmap">
      <svg ref={measure} height={HEIGHT} role="img" aria-label="durations over time">
        {logTicks(low, high).map((tick) => (
          <g key={tick}>
            <line className="grid" x1={LEFT} x2={width} y1={y(tick)} y2={y(tick)} />
            <text className="tick" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {tickText(tick)}
            </text>
          </g>
        ))}
        <TimeTicks axis={{ from, to: end, left: LEFT, right: width }} y={HEIGHT - 6} />
        {map.columns.map((column) =>
          column.counts.map((count, place) => {
            const [bottom, top] = [map.edges[place], map.edges[place + 1]];
            if (count === 0 || bottom === undefined || top === undefined) return null;
            const class_ = `${figureText(bottom, map.unit)} to ${figureText(top, map.unit)}`;
            const words = `${clock(column.from_unix_ms)}: ${plural(count, 'span')} of ${class_}`;
            return (
              <rect
                key={`${column.from_unix_ms} ${place}`}
                className="cell"
                x={x(column.from_unix_ms)}
                y={y(top)}
                width={Math.max(1, x(column.to_unix_ms) - x(column.from_unix_ms) - 0.5)}
                height={Math.max(1, y(bottom) - y(top) - 0.5)}
                // One of many is still seen.
                opacity={0.15 + 0.85 * (Math.log1p(count) / Math.log1p(most))}
                onPointerEnter={() => setHere(words)}
                onPointerLeave={() => setHere(undefined)}
                onClick={() => compare(bottom)}
              />
            );
          }),
        )}
        {/* Cells below them can still be clicked. */}
        <g pointerEvents="none">
          <MarksHere x={x} top={TOP} bottom={HEIGHT - BOTTOM} left={LEFT} right={width} />
        </g>
      </svg>
      <figcaption className="readout">{here ?? `up to ${grouped(most)} in a cell`}</figcaption>
    </figure>
  );
}

function compare(micros: number) {
  const selection = joined('', `duration >= ${Math.max(1, Math.floor(micros))}us`);
  setParams({ tab: 'compare', selection }, 'push');
}
