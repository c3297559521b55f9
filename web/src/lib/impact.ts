/** What a finding costs a day: of the users' time, or of the database's where nobody is known to wait for it. */
import type { Finding } from '../api/types';
import { hoursText } from './format';

/** The database whose own statistics show it; undefined where traces do. */
export function databaseOf({ service, evidence }: Finding): string | undefined {
  const name = evidence.database?.database;
  return name !== undefined && service === `postgresql/${name}` ? name : undefined;
}

/** Only the database works in vain. */
export function ofDatabase({ impact }: Finding): boolean {
  return impact.user_hours_per_day <= 0 && impact.database_hours_per_day > 0;
}

/** In hours a day. */
export function wasted(finding: Finding): number {
  const { impact } = finding;
  return ofDatabase(finding) ? impact.database_hours_per_day : impact.user_hours_per_day;
}

/** No hours tell it, but its level does: what runs full, ends or is lost some day. */
export function risky(finding: Finding): boolean {
  return wasted(finding) <= 0 && finding.level !== 'low';
}

/** What it costs, in words: `2.4 hours of the users a day`. */
export function wastedText(finding: Finding): string {
  if (wasted(finding) <= 0) return risky(finding) ? 'a risk, no hours' : 'no hours';
  const whose = ofDatabase(finding) ? 'the database' : 'the users';
  return `${hoursText(wasted(finding))} of ${whose} a day`;
}
