/** A file that was dropped on a page: kept by the browser while the page is open, and read by the server, which keeps nothing. */
import { useEffect, useState, useSyncExternalStore } from 'react';

import { request } from '../api/request';
import type { OpenedTraces, Problem, SpanDetail } from '../api/types';
import { navigate } from './route';

/** What the server takes; larger files are refused here, before they travel. */
export const FILE_BYTES_MAX = 64 * 1024 * 1024;

let file: File | undefined;
const watchers = new Set<() => void>();

/** A file is looked at on a page of its own. */
export function openTraceFile(files: File[]) {
  const [first] = files;
  if (first === undefined) return;
  file = first;
  watchers.forEach((notify) => notify());
  navigate('/traces/file');
}

export function useOpenedFile(): File | undefined {
  return useSyncExternalStore(
    (notify) => {
      watchers.add(notify);
      return () => watchers.delete(notify);
    },
    () => file,
  );
}

export interface Posted<T> {
  data?: T;
  problem?: Problem;
}

/** The answer to a POST of `body`; asked once for each `key`. */
export function usePosted<T>(
  key: string | undefined,
  url: string,
  body: Blob | undefined,
): Posted<T> {
  const [answer, setAnswer] = useState<Posted<T> & { key?: string }>({});
  useEffect(() => {
    if (key === undefined || body === undefined) return;
    const stop = new AbortController();
    void post<T>(url, body, stop.signal).then((next) => {
      if (!stop.signal.aborted) setAnswer({ ...next, key });
    });
    return () => stop.abort();
  }, [key, url, body]);
  return answer.key === key && key !== undefined ? answer : {};
}

export function useOpenedTraces(opened: File | undefined, trace: string): Posted<OpenedTraces> {
  return usePosted<OpenedTraces>(
    opened === undefined ? undefined : `${nameOf(opened)} ${trace}`,
    `/api/v1/opened/trace${trace === '' ? '' : `?trace=${encodeURIComponent(trace)}`}`,
    opened,
  );
}

export function useOpenedSpan(
  opened: File | undefined,
  trace: string,
  span: string,
): Posted<SpanDetail> {
  return usePosted<SpanDetail>(
    opened === undefined ? undefined : `${nameOf(opened)} ${trace} ${span}`,
    `/api/v1/opened/span?trace=${encodeURIComponent(trace)}&span=${encodeURIComponent(span)}`,
    opened,
  );
}

function nameOf(opened: File): string {
  return `${opened.name} ${opened.size} ${opened.lastModified}`;
}

async function post<T>(url: string, body: Blob, signal: AbortSignal): Promise<Posted<T>> {
  if (body.size > FILE_BYTES_MAX) {
    return {
      problem: problem(
        'it is larger than 64 MiB',
        'split it, or read it with `taut trace FILE` or `taut profile FILE`',
      ),
    };
  }
  const answer = await request(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/octet-stream', accept: 'application/json' },
    signal,
  });
  if (answer.problem?.status !== 0) return answer as Posted<T>;
  return {
    problem: problem(
      'taut does not answer, or the file cannot be read any more',
      'see whether `taut up` still runs and the file is still there, then open it again',
    ),
  };
}

function problem(detail: string, hint: string): Problem {
  return { type: 'urn:taut:file', title: 'the file was not read', status: 400, detail, hint };
}
