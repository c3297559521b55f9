/** Average active sessions over time, stacked by what they wait for. */
import type { LoadPoint } from '../../api/types';
import { onSteps } from '../../lib/axis';
import { digits } from '../../lib/format';
import { events, layers } from '../../lib/waits';
import { useMarks } from '../../ui/Marks';
import { TimeChart } from '../../ui/TimeChart';

/** Wait events that are told of a step: the ones with the most sessions. */
const EVENTS_MAX = 4;

interface Props {
  points: LoadPoint[];
  window: { from_unix_ms: number; to_unix_ms: number };
}

export function Load({ points, window }: Props) {
  const marks = useMarks();
  if (points.length === 0) {
    return <p className="nothing">Its load shows here within a minute of watching.</p>;
  }
  const steps = onSteps(points, window);
  return (
    <div className="load">
      <TimeChart
        label="average active sessions"
        from={window.from_unix_ms}
        to={window.to_unix_ms}
        lines={layers(points).map(({ type, name, values, mean }) => ({
          name,
          className: `wait-${type}`,
          values: steps.map((point) =>
            point === undefined ? undefined : values[points.indexOf(point)],
          ),
          rest: digits(mean, 2),
        }))}
        stacked
        text={(value) => digits(value, 2)}
        reach={1}
        marks={marks}
        height={180}
        beside={(step) => `: ${eventsText(steps[step])}`}
      />
    </div>
  );
}

function eventsText(point: LoadPoint | undefined): string {
  if (point === undefined) return 'not watched';
  const told = events([point])
    .slice(0, EVENTS_MAX)
    .map(
      ({ type, event, mean }) => `${digits(mean, 2)} ${event === '' ? type : `${type}: ${event}`}`,
    );
  return told.join(', ') || 'idle';
}
