/** A line small enough for a table; gaps where there was nothing. What it has no axis for it tells in words. */
import { sparkWords } from '../lib/spark';

interface Props {
  values: (number | null | undefined)[];
  label: string;
  /** A figure with its unit, so that least, most and last can be told. */
  text?: (value: number) => string;
  width?: number;
  height?: number;
  target?: number;
  /** What the line reaches up to at least: the whole of a share. */
  reach?: number;
}

/** A target that is further away than so many times the line would leave nothing of it. */
const TARGET_TIMES = 3;

export function Spark({ values, label, text, width = 96, height = 22, target, reach = 0 }: Props) {
  const known = values.filter((value): value is number => value != null);
  if (known.length === 0) return <span className="spark" />;
  const most = Math.max(...known, reach);
  const top =
    (target !== undefined && target <= most * TARGET_TIMES ? Math.max(most, target) : most) || 1;
  const x = (place: number) => ((place + 0.5) / values.length) * width;
  const y = (value: number) => height - 2 - (value / top) * (height - 4);
  const runs: string[] = [];
  let run: string[] = [];
  values.forEach((value, place) => {
    if (value == null) {
      if (run.length > 0) runs.push(run.join(' '));
      run = [];
    } else run.push(`${x(place).toFixed(1)},${y(value).toFixed(1)}`);
  });
  if (run.length > 0) runs.push(run.join(' '));
  const alone = runs.filter((points) => !points.includes(' '));
  const words = text === undefined ? label : `${label}, ${sparkWords(known, text, target)}`;
  return (
    <svg className="spark" width={width} height={height} role="img" aria-label={words}>
      <title>{words}</title>
      {target !== undefined && target <= top && (
        <line className="target" x1={0} x2={width} y1={y(target)} y2={y(target)} />
      )}
      {runs.map((points) => (
        <polyline key={points} points={points} />
      ))}
      {alone.map((point) => {
        const [cx, cy] = point.split(',');
        return <circle key={point} cx={cx} cy={cy} r={1.5} />;
      })}
    </svg>
  );
}
