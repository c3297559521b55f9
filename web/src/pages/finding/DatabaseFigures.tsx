/** What a database's statistics show of a finding. */
import type { DatabaseEvidence } from '../../api/types';
import { PlanView } from '../../ui/PlanView';

export function DatabaseFigures({ evidence }: { evidence: DatabaseEvidence }) {
  return (
    <>
      {evidence.figures.length > 0 && (
        <dl className="facts wide">
          {evidence.figures.map((figure) => (
            <div key={figure.key}>
              <dt>{figure.key}</dt>
              <dd className="num">{figure.value}</dd>
            </div>
          ))}
        </dl>
      )}
      {evidence.plan !== '' && <PlanView text={evidence.plan} />}
    </>
  );
}
