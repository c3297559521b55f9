/** A link within the pages: opened without loading anew, and like any other link with a modifier. */
import type { AnchorHTMLAttributes, MouseEvent } from 'react';

import { navigate } from '../lib/route';

interface Props extends AnchorHTMLAttributes<HTMLAnchorElement> {
  to: string;
}

export function Link({ to, children, ...rest }: Props) {
  return (
    <a {...rest} href={to} onClick={(event) => follow(event, to)}>
      {children}
    </a>
  );
}

function follow(event: MouseEvent, to: string) {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
  if (!plain || event.altKey || event.defaultPrevented) return;
  event.preventDefault();
  navigate(to);
}
