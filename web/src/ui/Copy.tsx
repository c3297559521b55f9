/** Code to copy. */
import { useState, type ReactNode } from 'react';

interface Props {
  text: string;
  what?: string;
  /** What is copied, where several buttons say the same. */
  of?: string;
}

export function CopyButton({ text, what = 'Copy', of }: Props) {
  const [state, setState] = useState<'ready' | 'copied' | 'refused'>('ready');
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setState('copied'),
      () => setState('refused'),
    );
    setTimeout(() => setState('ready'), 2000);
  };
  const words = { ready: what, copied: 'Copied', refused: 'Select it and copy by hand' };
  return (
    <button type="button" className="copy" onClick={copy}>
      <span aria-live="polite">
        {words[state]}
        {of !== undefined && <span className="hidden"> {of}</span>}
      </span>
    </button>
  );
}

/** A block of code that scrolls within itself, with a button that copies `text`. */
export function Code({
  text,
  label,
  children,
}: {
  text: string;
  label: string;
  children?: ReactNode;
}) {
  return (
    <figure className="code">
      <figcaption>
        <span>{label}</span>
        <CopyButton text={text} />
      </figcaption>
      <pre tabIndex={0} aria-label={label}>
        <code>{children ?? text}</code>
      </pre>
    </figure>
  );
}
