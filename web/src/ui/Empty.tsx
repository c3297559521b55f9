/** Pages and parts with nothing to show: they say what to do next. */
import type { ReactNode } from 'react';

import type { Problem as ProblemData } from '../api/types';
import { sentence } from '../lib/format';
import { to } from '../lib/route';
import { Link } from './Link';

interface HeadingProps {
  /** It is a part of a page that has a heading of its own: a page has one. */
  part?: boolean;
}

interface EmptyProps extends HeadingProps {
  title: string;
  children?: ReactNode;
}

export function Empty({ title, part = false, children }: EmptyProps) {
  const Heading = part ? 'h2' : 'h1';
  return (
    <section className="empty">
      <Heading>{title}</Heading>
      {children}
    </section>
  );
}

interface ProblemProps extends HeadingProps {
  problem: ProblemData;
}

export function Problem({ problem, part = false }: ProblemProps) {
  const Heading = part ? 'h2' : 'h1';
  return (
    <section className="empty" role="alert">
      <Heading>
        <Told text={sentence(problem.detail)} />
      </Heading>
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
