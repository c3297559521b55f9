/** Pages and parts with nothing to show: they say what to do next. */
import type { ReactNode } from 'react';

import type { Problem as ProblemData } from '../api/types';
import { sentence } from '../lib/format';
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
      <h1>
        <Told text={sentence(problem.detail)} />
      </h1>
      <p>
        <Told text={sentence(problem.hint)} />
      </p>
      {problem.status === 404 && (
        <p>
          Go to the <Link to={to('/findings')}>findings</Link> or the{' '}
          <Link to={to('/traces')}>slowest requests</Link>.
        </p>
      )}
    </section>
  );
}

/** Words in which commands and names stand between backticks. */
export function Told({ text }: { text: string }) {
  return text
    .split('`')
    .map((part, place) => (place % 2 === 1 ? <code key={place}>{part}</code> : part));
}

export function Waiting() {
  return (
    <p className="waiting" aria-live="polite">
      One moment …
    </p>
  );
}
