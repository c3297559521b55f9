/** Pages and parts with nothing to show: they say what to do next. */
import type { ReactNode } from 'react';

import type { Problem as ProblemData } from '../api/types';
import { to } from '../lib/route';
import { Link } from './Link';

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <section className="empty">
      <h1>{title}</h1>
      {children}
    </section>
  );
}

export function Problem({ problem }: { problem: ProblemData }) {
  return (
    <section className="empty" role="alert">
      <h1>{sentence(problem.detail)}</h1>
      <p>{sentence(problem.hint)}</p>
      {problem.status === 404 && (
        <p>
          Go to the <Link to={to('/')}>findings</Link> or the{' '}
          <Link to={to('/traces')}>slowest requests</Link>.
        </p>
      )}
    </section>
  );
}

export function Waiting() {
  return (
    <p className="waiting" aria-live="polite">
      One moment …
    </p>
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
