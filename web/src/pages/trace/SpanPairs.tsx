/** Keys and values of a span: each is copied, and leads to the spans that carry the same. */
import { useState, type ReactNode } from 'react';

import type { KeyValue } from '../../api/types';
import { spread } from '../../lib/json';
import { CopyButton } from '../../ui/Copy';
import { Link } from '../../ui/Link';

/** Where spans with the same are; none where nothing can be asked. */
export type Alike = (pair: KeyValue) => string | undefined;

interface PartProps {
  title: string;
  open?: boolean;
  children: ReactNode;
}

export function Part({ title, open, children }: PartProps) {
  const [shown, setShown] = useState(open ?? false);
  return (
    <details open={shown} onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>{title}</summary>
      {shown && children}
    </details>
  );
}

interface PairsProps {
  title: string;
  pairs: KeyValue[];
  dropped?: number;
  open?: boolean;
  alike?: Alike | undefined;
}

export function Pairs({ title, pairs, dropped = 0, open = false, alike }: PairsProps) {
  if (pairs.length === 0 && dropped === 0) return null;
  return (
    <Part title={`${title} (${pairs.length})`} open={open}>
      <PairList pairs={pairs} alike={alike} />
      {dropped > 0 && <p className="dim">The exporter dropped {dropped} more.</p>}
    </Part>
  );
}

export function PairList({ pairs, alike }: { pairs: KeyValue[]; alike?: Alike | undefined }) {
  return (
    <dl className="pairs">
      {pairs.map((pair, place) => (
        <div key={`${pair.key} ${place}`}>
          <dt>{pair.key}</dt>
          <dd>
            {spread(pair.value)}
            <Actions pair={pair} href={alike?.(pair)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Seen where the pointer or the focus is, and always where there is no pointer. */
function Actions({ pair, href }: { pair: KeyValue; href: string | undefined }) {
  return (
    <span className="pair-actions">
      {href !== undefined && (
        <Link className="copy" to={href}>
          Spans like this<span className="hidden"> by {pair.key}</span>
        </Link>
      )}
      <CopyButton text={pair.value} what="Copy" of={pair.key} />
    </span>
  );
}
