/** A line small enough for a table; gaps where there was nothing. */
interface Props {
  values: (number | null | undefined)[];
  label: string;
  width?: number;
  height?: number;
  target?: number;
}

export function Spark({ values, label, width = 96, height = 22, target }: Props) {
  const known = values.filter((value): value is number => value != null);
  if (known.length === 0) return <span className="spark" />;
  const top = Math.max(...known, 0) || 1;
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
  return (
    <svg className="spark" width={width} height={height} role="img" aria-label={label}>
      <title>{label}</title>
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
