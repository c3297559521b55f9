/** The one sentence of the first page: who is silent, who misses the objective, or that nobody does. */
import type { ServiceSigns } from '../../api/types';
import { plural } from '../../lib/format';

/** `wasted` are the hours a day that the findings cost. */
export function claim(services: ServiceSigns[], wasted: number): string {
  const silent = services.filter((one) => one.objective === 'silent');
  const missing = services.filter((one) => one.objective === 'failing' || one.objective === 'slow');
  const told = [
    who(silent, 'gets no requests any more', 'get no requests any more'),
    who(missing, 'misses its objective', 'miss their objective'),
  ].filter((text) => text !== '');
  if (told.length > 0) return `${told.join('; ')}.`;
  const all = services.length === 1 ? 'The service meets' : 'All services meet';
  return wasted > 1 ? `${all} the objective, and still waste time.` : `${all} the objective.`;
}

function who([first, ...others]: ServiceSigns[], does: string, doAll: string): string {
  if (first === undefined) return '';
  if (others.length === 0) return `${first.service} ${does}`;
  return `${first.service} and ${plural(others.length, 'other')} ${doAll}`;
}
