/** Counters of one thing over time, each as a figure with its line. */
import { digits } from '../../lib/format';
import { TimeFigures } from '../../ui/TimeFigures';

interface Props<Point> {
  of: string;
  points: Point[];
  window: { from_unix_ms: number; to_unix_ms: number };
  series: { name: string; of: (point: Point) => number }[];
}

export function SeriesList<Point extends { from_unix_ms: number }>(props: Props<Point>) {
  const { of, points, window, series } = props;
  const figures = series.map(({ name, of: step }) => ({
    name,
    all: digits(points.reduce((sum, point) => sum + step(point), 0)),
    step,
  }));
  return <TimeFigures of={of} points={points} window={window} figures={figures} />;
}
