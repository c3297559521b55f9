/** Controls that keep their state in the query of the address. */
import type { Facet } from '../api/types';
import { useParam } from '../lib/route';
import { WINDOW_DEFAULT, WINDOWS } from '../lib/words';

export function FilterSelect({
  name,
  label,
  all,
  facets,
}: {
  name: string;
  label: string;
  all: string;
  facets: Facet[];
}) {
  const [value, set] = useParam(name);
  const missing = value !== '' && !facets.some((facet) => facet.value === value);
  return (
    <label className="filter">
      <span className="hidden">{label}</span>
      <select value={value} onChange={(event) => set(event.target.value)}>
        <option value="">{all}</option>
        {missing && <option value={value}>{value}</option>}
        {facets.map((facet) => (
          <option key={facet.value} value={facet.value}>
            {facet.value}
            {facet.count > 0 ? ` (${facet.count})` : ''}
          </option>
        ))}
      </select>
    </label>
  );
}

export function WindowSelect() {
  const [last, set] = useParam('last');
  return (
    <label className="filter">
      <span className="hidden">Stretch of time</span>
      <select
        value={last || WINDOW_DEFAULT}
        onChange={(event) => set(event.target.value === WINDOW_DEFAULT ? '' : event.target.value)}
      >
        {WINDOWS.map((known) => (
          <option key={known.last} value={known.last}>
            {known.name}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Search({ label }: { label: string }) {
  const [text, set] = useParam('q');
  return (
    <label className="filter search">
      <span className="hidden">{label}</span>
      <input
        type="search"
        placeholder={`/ ${label}`}
        maxLength={200}
        value={text}
        onChange={(event) => set(event.target.value)}
      />
    </label>
  );
}
