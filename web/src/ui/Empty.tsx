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

interface NotToldProps {
  /** What cannot be shown: `The findings are not known`. */
  what: string;
  problem: ProblemData | undefined;
}

/** In one line, why a part of a page is not there: what is not known is not the same as none. */
export function NotTold({ what, problem }: NotToldProps) {
  if (problem === undefined) return null;
  return (
    <p className="broken" role="alert">
      {what}: <Told text={problem.detail} />. <Told text={sentence(problem.hint)} />
    </p>
  );
}

/** Words in which commands and names stand between backticks. */
export function Told({ text }: { text: string }) {
  return text
    .split('`')
    .map((part, place) => (place % 2 === 1 ? <code key={place}>{part}</code> : part));
}

interface FreshProps {
  /** What is shown belongs to another question than the one that is asked. */
  stale: boolean;
  children: ReactNode;
}

/** What an answer shows: dimmed while it is an older one. */
export function Fresh({ stale, children }: FreshProps) {
  return (
    <div className={stale ? 'fresh stale' : 'fresh'} aria-busy={stale}>
      {children}
    </div>
  );
}

export function Waiting() {
  return (
    <p className="waiting" aria-live="polite">
      One moment …
    </p>
  );
}
