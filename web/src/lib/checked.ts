/** What `taut check --json` writes, read without trust. */
import { fields, number, text, texts, type Fields } from './fields';
import { readProof, toldBy, type Told } from './proof';

/** A test run that was held against budgets and a baseline. */
export interface Checked {
  kind: 'check';
  claim: string;
  requests: number;
  endpoints: number;
  baseline?: string;
  checks: CheckedOne[];
  notes: string[];
}

export interface CheckedOne {
  service: string;
  endpoint: string;
  what: string;
  /** Measured against allowed, in a sentence. */
  sentence: string;
  broke: boolean;
  /** Where in the code, if spans tell: `app/views.py:42`. */
  code?: string;
  remedy?: string;
}

export type Result = Told | Checked;

/** What a result says, whichever command wrote it, or why it is none that can be shown. */
export function readResult(content: string): Result | string {
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch {
    return readProof(content);
  }
  return checkedBy(json) ?? toldBy(json);
}

function checkedBy(json: unknown): Checked | undefined {
  const all = fields(json);
  if (typeof all['holds'] !== 'boolean' || !Array.isArray(all['checks'])) return undefined;
  const baseline = text(all['baseline']);
  return {
    kind: 'check',
    claim: text(all['claim']),
    requests: number(all['requests']),
    endpoints: number(all['endpoints']),
    ...(baseline === '' ? {} : { baseline }),
    checks: all['checks'].map((one) => checked(fields(one))),
    notes: texts(all['notes']),
  };
}

function checked(one: Fields): CheckedOne {
  const place = fields(one['code']);
  const file = text(place['file']);
  const remedy = text(one['remedy']);
  return {
    service: text(one['service']),
    endpoint: text(one['endpoint']),
    what: text(one['what']),
    sentence: text(one['sentence']),
    broke: one['broke'] === true,
    ...(file === '' ? {} : { code: `${file}:${number(place['line'])}` }),
    ...(remedy === '' ? {} : { remedy }),
  };
}
