/** Requests to the API: what is answered, or why nothing is. */
import type { Problem } from './types';

export interface Answer<T> {
  data?: T;
  problem?: Problem;
  /** The data is of an earlier question, or what was answered to this one before; its answer is under way. */
  stale: boolean;
  /** It is of an earlier question. */
  other?: true;
}

const OFFLINE = 'urn:taut:offline';
const FOREIGN = 'urn:taut:foreign';

const HINTS: Record<number, string> = {
  401: 'it wants a token: load this page anew and enter it',
  413: 'it is more than is taken: send less',
};

/** Nothing came of taut: what is on the screen may stay, and the question is worth asking again. */
export function isLost(problem: Problem | undefined): boolean {
  return problem?.type === OFFLINE || problem?.type === FOREIGN;
}

export function get(url: string, signal: AbortSignal): Promise<Answer<unknown>> {
  return request(url, { headers: { accept: 'application/json' }, signal });
}

/** The answer to a POST of `body` as JSON. What the pages show changes by itself: the server tells them. */
export async function post<T>(url: string, body: unknown): Promise<Answer<T>> {
  const headers = { accept: 'application/json', 'content-type': 'application/json' };
  return (await request(url, { method: 'POST', headers, body: JSON.stringify(body) })) as Answer<T>;
}

const PARQUET = 'application/vnd.apache.parquet';

/** The same as a Parquet file. */
export async function postForFile(url: string, body: unknown): Promise<Answer<Blob>> {
  const headers = { accept: PARQUET, 'content-type': 'application/json' };
  const how = { method: 'POST', headers, body: JSON.stringify(body) };
  return (await request(url, how, (response) => {
    const isFile = response.headers.get('content-type') === PARQUET;
    return isFile ? response.blob() : Promise.reject(new SyntaxError('another kind of file'));
  })) as Answer<Blob>;
}

/** The answer to a DELETE. */
export async function remove<T>(url: string): Promise<Answer<T>> {
  const headers = { accept: 'application/json' };
  return (await request(url, { method: 'DELETE', headers })) as Answer<T>;
}

/** The answer to any request, read as JSON unless told otherwise; a fault is told as a problem, never thrown. */
export async function request(
  url: string,
  how: RequestInit,
  read: (response: Response) => Promise<unknown> = (response) => response.json(),
): Promise<Answer<unknown>> {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(url, how);
  } catch {
    return { problem: offline(), stale: false };
  }
  try {
    body = await (response.ok ? read(response) : response.json());
  } catch (fault) {
    const problem = fault instanceof SyntaxError ? foreign(response) : offline();
    return { problem, stale: false };
  }
  if (response.ok) return { data: body, stale: false };
  return { problem: isProblem(body) ? body : foreign(response), stale: false };
}

function offline(): Problem {
  return {
    type: OFFLINE,
    title: 'no answer',
    status: 0,
    detail: 'taut does not answer',
    hint: 'see whether `taut up` still runs; this page goes on by itself once it does',
  };
}

/** Of an answer in no form that taut has: a proxy's page, most often. */
function foreign({ status, statusText }: Response): Problem {
  const told = [status, statusText].join(' ').trim();
  return {
    type: FOREIGN,
    title: 'not an answer of taut',
    status,
    detail: `the answer is ${told}, and not in a form that taut has`,
    hint: HINTS[status] ?? 'see whether something in front of `taut up` answered, such as a proxy',
  };
}

function isProblem(body: unknown): body is Problem {
  const told = body as Partial<Problem> | null;
  return typeof told?.detail === 'string' && typeof told.hint === 'string';
}
