/** Controls that keep their state in the query of the address. */
import type { Facet } from '../api/types';
import { useParam } from '../lib/route';

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
