/** Counters of one thing over time, each as a figure with its line. */
import { digits } from '../../lib/format';
import { Spark } from '../../ui/Spark';

interface Series {
  name: string;
  values: number[];
}

export function SeriesList({ of, series }: { of: string; series: Series[] }) {
  return (
    <dl className="figures" aria-label={`${of} over time`}>
      {series.map(({ name, values }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <span className="big">{digits(values.reduce((sum, value) => sum + value, 0))}</span>
            <Spark values={values} label={`${of}: ${name} over time`} width={120} height={28} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
