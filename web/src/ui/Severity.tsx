/** How bad a log record is: the word says it, the colour repeats it. */
import type { Log } from '../api/types';

export function Severity({ log }: { log: Log }) {
  const word = log.severity === '' ? log.severity_text.toLowerCase() : log.severity;
  if (word === '') return <span className="dim">–</span>;
  return (
    <span className={`severity ${log.severity}`} title={log.severity_text}>
      {word}
    </span>
  );
}
