/** Latency over time as a heatmap. Drag a box, or move it with the keyboard, and see what is special in it. */
import type { ReactNode } from 'react';

import { path, useApi } from '../api/use';
import type { Heatmap, Mark } from '../api/types';
import { boxOf, lies } from '../lib/box';
import { setParams, useQuery } from '../lib/route';
import type { Range } from '../lib/time';
import { CoverageNote } from './CoverageNote';
import { Fresh, Problem, Waiting } from './Empty';
import { HeatPicture } from './HeatPicture';
import { Selected } from './Selected';

interface Props {
  range: Range;
  /** The filter that they pass. */
  where: string;
  /** What one of them is called: `request`, `span`. */
  what: string;
  /** Stretches of time; as many as the API thinks right unless told. */
  columns?: string;
  marks: Mark[];
  target?: number;
  /** What is said where there are none. */
  none: ReactNode;
}

/** What it asks for. */
export function heatmapUrl(range: Range, where: string, columns: string | undefined): string {
  return path('heatmap', { ...range, where, columns });
}

export function HeatBox({ range, where, what, columns, marks, target, none }: Props) {
  const { data, problem, stale } = useApi<Heatmap>(heatmapUrl(range, where, columns), false);
  const box = boxOf(useQuery().get('box'));
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (data === undefined) return <Waiting />;
  if (data.columns.length === 0) return none;
  return (
    <div className={box === undefined ? 'heat' : 'heat with-selection'}>
      <div>
        <Fresh stale={stale}>
          <HeatPicture
            map={data}
            what={what}
            marks={marks}
            target={target}
            box={box}
            change={(next) => setParams({ box: next })}
          />
        </Fresh>
        {box !== undefined && !lies(box, data.window) && (
          <p className="over" role="status">
            The box lies outside of this stretch of time: draw it anew, or choose an earlier time.
          </p>
        )}
        <p className="dim">
          <CoverageNote coverage={data.coverage} />
        </p>
      </div>
      {box !== undefined && <Selected where={where} what={what} box={box} window={data.window} />}
    </div>
  );
}
