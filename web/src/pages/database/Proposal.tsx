/** Indexes that were chosen together for the whole workload, and those that go with them. */
import type { IndexSet } from '../../api/types';
import { bytes, percent, plural } from '../../lib/format';
import { CreateIndex } from '../../ui/CreateIndex';
import { Num } from '../../ui/Num';
import { Sql } from '../../ui/Sql';

const BASIS: Record<string, string> = {
  'what-if': 'by the planner’s own costs with hypothetical indexes (HypoPG)',
  rehearsed: 'as measured on a copy',
  model: 'by a model over the statistics, since HypoPG is not there: rehearse it first',
};

export function Proposal({ set, database }: { set: IndexSet | undefined; database: string }) {
  if (set === undefined || (set.create.length === 0 && set.drop.length === 0)) {
    return (
      <>
        <p className="nothing">
          {set === undefined
            ? 'Indexes are chosen once statements were counted for some minutes.'
            : 'No index would help what runs here by enough to pay for its size and its writes.'}
        </p>
        <Notes notes={set?.notes ?? []} />
      </>
    );
  }
  const size = set.create.reduce((sum, one) => sum + one.bytes, 0);
  const freed = set.drop.reduce((sum, one) => sum + one.bytes, 0);
  const left = percent(set.cost_share);
  return (
    <>
      <h2 className="hidden">Proposed indexes</h2>
      <p className="prose">
        Together they bring the cost of all statements to{' '}
        <strong>
          {left.value} {left.unit}
        </strong>{' '}
        of what it is, {BASIS[set.basis] ?? set.basis}, and take <Num of={bytes(size)} />
        {freed > 0 && (
          <>
            {' '}
            while <Num of={bytes(freed)} /> are freed
          </>
        )}
        . <span className="dim">{plural(set.plans_asked, 'plan')} asked for.</span>
      </p>
      {set.create.map((one) => (
        <CreateIndex key={one.name} one={one} database={database} />
      ))}
      {set.drop.length > 0 && <h2 className="apart">No longer needed</h2>}
      {set.drop.map((one) => (
        <section key={`${one.table} ${one.name}`}>
          <p>
            <strong>{one.name}</strong> <span className="dim">on {one.table}</span>,{' '}
            <Num of={bytes(one.bytes)} />: {one.why}
          </p>
          <Sql text={one.ddl} />
        </section>
      ))}
      <Notes notes={set.notes} />
    </>
  );
}

function Notes({ notes }: { notes: string[] }) {
  if (notes.length === 0) return null;
  return (
    <ul className="notes" aria-label="What to know about this choice">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}
