/** Controls that keep their state in the query of the address. */
import type { Facet, Problem } from '../api/types';
import { useTyped } from '../lib/held';
import { useParam } from '../lib/route';

interface SelectProps {
  name: string;
  label: string;
  all: string;
  facets: Facet[];
  /** Why it is not known what there is to choose. */
  problem?: Problem | undefined;
}

export function FilterSelect({ name, label, all, facets, problem }: SelectProps) {
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
        {problem !== undefined && <option disabled>not known: {problem.detail}</option>}
      </select>
    </label>
  );
}

export function Search({ label }: { label: string }) {
  const [text, set] = useTyped('q');
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
