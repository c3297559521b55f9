/** A result, whichever command wrote it. */
import type { Result } from '../../lib/checked';
import { CheckView } from './CheckView';
import { LimitView } from './LimitView';
import { ProofView } from './ProofView';
import { ReplayView } from './ReplayView';
import { RunView } from './RunView';

export function ResultView({ told }: { told: Result }) {
  switch (told.kind) {
    case 'run':
      return <RunView run={told} />;
    case 'limit':
      return <LimitView limit={told} />;
    case 'replay':
      return <ReplayView replay={told} />;
    case 'proof':
      return <ProofView proof={told} />;
    case 'check':
      return <CheckView checked={told} />;
  }
}
