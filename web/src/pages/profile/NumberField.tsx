/** A number above a picture or a table, which the address holds. */

interface Props {
  words: string;
  /** What stands behind it. */
  unit?: string;
  value: number;
  min: number;
  max: number;
  step?: number;
  change: (text: string) => void;
}

export function NumberField({ words, unit, value, min, max, step = 1, change }: Props) {
  return (
    <label className="filter">
      <span>{words} </span>
      <input
        type="number"
        min={min}
        max={max}
        step={step}
        value={value}
        onChange={(event) => change(event.target.value)}
      />
      {unit !== undefined && <span> {unit}</span>}
    </label>
  );
}
