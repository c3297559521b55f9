/** Two stretches of what is kept, compared as `taut prove` compares two runs. */
import { path, useApi } from '../../api/use';
import type { Operations } from '../../api/types';
import { toldBy } from '../../lib/proof';
import { to, useParam } from '../../lib/route';
import { comparedWith, useRange } from '../../lib/time';
import { Empty, Fresh, Problem, Waiting } from '../../ui/Empty';
import { FilterSelect } from '../../ui/Filter';
import { Link } from '../../ui/Link';
import { CompareSelect } from '../../ui/CompareSelect';
import { ProofView } from './ProofView';

export function Stretches() {
  const range = useRange();
  const [compare] = useParam('compare');
  const [service] = useParam('service');
  const [operation] = useParam('operation');
  const other = comparedWith(range, compare);
  const asked = { ...range, before_from: other?.from, before_to: other?.to, service, operation };
  const { data, problem, stale } = useApi<unknown>(path('proof', asked));
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  const told = toldBy(data);
  return (
    <Fresh stale={stale}>
      <div className="filters">
        <CompareSelect range={range} problem={undefined} first="compare with nothing: open files" />
        <Services />
        {service !== '' && operation !== '' && (
          <Link to={to('/compare', { service, operation, compare })}>Flame graphs of both</Link>
        )}
      </div>
      {typeof told === 'string' || told.kind !== 'proof' ? (
        <Empty title="That cannot be compared" />
      ) : (
        <ProofView proof={told} />
      )}
    </Fresh>
  );
}

function Services() {
  const { data, problem } = useApi<Operations>(path('operations', { ...useRange() }), false);
  const services = (data?.services ?? []).map((value) => ({ value, count: 0 }));
  const [service] = useParam('service');
  const operations = (data?.operations ?? [])
    .filter((one) => service === '' || one.service === service)
    .map((one) => ({ value: one.operation, count: 0 }));
  return (
    <>
      <FilterSelect
        name="service"
        label="Service"
        all="every service"
        facets={services}
        problem={problem}
      />
      <FilterSelect
        name="operation"
        label="Operation"
        all="every operation"
        facets={operations.filter(
          (one, place) => operations.findIndex((known) => known.value === one.value) === place,
        )}
        problem={problem}
      />
    </>
  );
}
