/** A trace of a file that was dropped on a page. The server reads it and keeps nothing. */
import { useCallback, useMemo } from 'react';

import { unpack } from '../../lib/columns';
import { durationText, grouped, plural } from '../../lib/format';
import { openTraceFile, useOpenedFile, useOpenedSpan, useOpenedTraces } from '../../lib/opened';
import { setParams, to, useParam } from '../../lib/route';
import { DropFile } from '../../ui/DropFile';
import { Empty, Problem, Waiting } from '../../ui/Empty';
import { Link } from '../../ui/Link';
import { TraceView } from './TraceView';

export function OpenedPage() {
  const file = useOpenedFile();
  const [wanted] = useParam('trace');
  const [span] = useParam('span');
  const { data, problem } = useOpenedTraces(file, wanted);
  const trace = useMemo(() => (data === undefined ? undefined : unpack(data.trace)), [data]);
  const detail = useOpenedSpan(span === '' ? undefined : file, trace?.id ?? '', span);
  const open = useCallback((files: File[]) => {
    setParams({ trace: '', span: '' });
    openTraceFile(files);
  }, []);
  const button = <DropFile words="Open a file" open={open} />;
  if (file === undefined) {
    return (
      <Empty title="Drop a file with traces here">
        <p>
          OTLP as JSON or protobuf, Jaeger JSON and Zipkin JSON are read, gzipped or not, up to 64
          MiB. Nothing of it is kept. A file does not travel with a link: who opens this address
          drops it again.
        </p>
        <p>{button}</p>
      </Empty>
    );
  }
  if (problem !== undefined)
    return (
      <>
        <Problem problem={problem} />
        <p>{button}</p>
      </>
    );
  if (data === undefined || trace === undefined) return <Waiting />;
  const odd = [
    ...(data.rejected > 0 ? [`${plural(data.rejected, 'span')} lack what a span needs`] : []),
    ...data.problems.slice(0, 5),
  ];
  return (
    <TraceView
      trace={trace}
      logs={{ trace_id: trace.id, logs: [], left_out: 0 }}
      detail={detail}
      kept={false}
      over={
        <>
          <Link to={to('/traces')}>Traces</Link> {file.name}
        </>
      }
      actions={
        <>
          <span className="dim">{data.format}, not kept.</span> {button}
        </>
      }
    >
      {odd.length > 0 && (
        <ul className="notes" aria-label="What was odd about this file">
          {odd.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
      {data.traces.length > 1 && (
        <p className="choose-trace">
          <label className="filter">
            <span>{grouped(data.traces.length + data.left_out)} traces, the slowest first: </span>
            <select
              value={trace.id}
              onChange={(event) => setParams({ trace: event.target.value, span: '' })}
            >
              {data.traces.map((one) => (
                <option key={one.id} value={one.id}>
                  {durationText(one.duration_micros)} {one.operation} ({grouped(one.spans)} spans)
                </option>
              ))}
            </select>
          </label>
        </p>
      )}
    </TraceView>
  );
}
