/** What the Gateway page says of members, limits and breakers, and how what is typed there becomes an order. */
import type {
  GatewayForgotten,
  GatewayLimit,
  GatewayMember,
  GatewayNews,
  GatewayPurge,
  GatewayRouteCache,
  GatewayService,
  GatewayWarmed,
} from '../../api/types';
import { ago, digits, grouped, percent, plural } from '../../lib/format';
import { isAway, takesRequests } from './claim';

/** Weights, and addresses of one order, as the gateway takes them. */
const WEIGHT_MAX = 1000;
const WARM_MAX = 1000;

export function stateOf(member: GatewayMember): string {
  if (member.drained) return 'drained';
  if (!member.healthy) return 'ill';
  return member.left_alone ? 'left alone' : 'well';
}

export function levelOf(member: GatewayMember): string {
  if (member.drained) return 'dim';
  return isAway(member) ? 'broken' : '';
}

/** Whether nobody of the service takes requests once this member takes none. */
export function isLast({ members }: GatewayService, member: GatewayMember): boolean {
  return members.every((other) => other === member || !takesRequests(other));
}

/** In which state the breaker of a service is, on how many threads, and since when. */
export function breakerText({ threads }: GatewayService, now = Date.now()): string {
  const known = threads.filter((thread) => thread.breaker != null);
  const parts = ['open', 'half-open', 'closed'].flatMap((state) => {
    const of = known.filter((thread) => thread.breaker === state);
    if (of.length === 0) return [];
    const where = of.length === known.length ? '' : ` on ${of.length} of ${known.length} threads`;
    const since = of.flatMap((thread) => thread.breaker_since_unix_ms ?? []);
    const when = since.length === 0 ? '' : ` since ${ago(Math.min(...since), now)}`;
    return [`${state}${where}${when}`];
  });
  return parts.join(', ');
}

export function limitText(limit: GatewayLimit): string {
  const dry = limit.dry_run ? ', counted only' : '';
  return `${grouped(limit.requests)} in ${digits(limit.window_seconds)} s${dry}; ${plural(limit.clients, 'client')}`;
}

/** Why answers were not kept, as `Cache-Status` says it, in words. */
const NOT_KEPT: Record<string, string> = {
  'request-no-store': 'whose clients asked for that',
  'no-store': 'that forbid it',
  private: 'for one user',
  'set-cookie': 'that set a cookie',
  authorization: 'to requests with Authorization',
  cookie: 'to requests with cookies',
  'no-lifetime': 'that do not say how long they are fresh',
  'vary-star': 'that vary by everything',
  status: 'with another status',
  method: 'to another method',
  'too-large': 'that are too large',
  broken: 'that broke off',
  'purged-meanwhile': 'that changed while they came',
};

/** `204 that set a cookie, 3 for one user`, the most first. */
export function notKeptText(cache: GatewayRouteCache): string {
  const most = cache.not_kept.toSorted((one, other) => other.count - one.count);
  return most
    .map(({ reason, count }) => `${grouped(count)} ${NOT_KEPT[reason] ?? reason}`)
    .join(', ');
}

export function refusedText(limit: GatewayLimit): string {
  return limit.dry_run ? `${grouped(limit.over_dry_run)} would be` : grouped(limit.refused);
}

/** A weight as it was typed; nothing if it is none. */
export function weightOf(typed: string): number | undefined {
  if (!/^\s*\d{1,4}\s*$/.test(typed)) return undefined;
  const weight = Number(typed);
  return weight <= WEIGHT_MAX ? weight : undefined;
}

export type Way = 'url' | 'prefix' | 'tag' | 'all';

/** The order to forget what was typed, or what is wrong with it. */
export function purgeOf(
  way: Way,
  typed: string,
  soft: boolean,
): { order: GatewayPurge } | { wrong: string } {
  const how: Pick<GatewayPurge, 'soft'> = soft ? { soft } : {};
  const text = typed.trim();
  if (way === 'all') return { order: { all: true, ...how } };
  if (text === '') return { wrong: 'nothing is named that could be forgotten' };
  if (way === 'tag') return { order: { tag: text, ...how } };
  if (!/^(https?:\/\/[^/]|\/)\S*$/.test(text)) {
    return {
      wrong: `\`${text}\` is no address such as \`http://shop.example/items/1\` or \`/items/1\``,
    };
  }
  return { order: way === 'url' ? { url: text, ...how } : { prefix: text, ...how } };
}

/** Addresses as they were typed, one a line; a path is of the host of the address before it. */
export function urlsOf(typed: string): { urls: string[] } | { wrong: string } {
  const urls: string[] = [];
  let site: string | undefined;
  for (const [place, line] of typed.split('\n').entries()) {
    const text = line.trim();
    if (text === '') continue;
    const whole = /^(https?:\/\/[^\s/?#]+)(\/\S*)?$/.exec(text);
    if (whole !== null) {
      site = whole[1];
      urls.push(text);
    } else if (site !== undefined && /^\/\S*$/.test(text)) {
      urls.push(`${site}${text}`);
    } else {
      return {
        wrong: `line ${place + 1} is no address such as \`http://shop.example/items/\`, nor a path after one`,
      };
    }
  }
  if (urls.length === 0) return { wrong: 'no address is named' };
  if (urls.length > WARM_MAX) {
    return { wrong: `${grouped(urls.length)} addresses are more than ${grouped(WARM_MAX)}` };
  }
  return { urls };
}

export function forgottenText({ forgotten, soft }: GatewayForgotten): string {
  if (forgotten === 0) return 'Nothing that is kept fits: 0 answers forgotten.';
  const answers = plural(forgotten, 'answer');
  return soft ? `${answers} now kept only for where members fail.` : `${answers} forgotten.`;
}

export function warmedText({ asked, answered }: GatewayWarmed): string {
  const all = `${grouped(answered)} of ${plural(asked, 'address', 'addresses')} answered well.`;
  return answered < asked ? `${all} See the routes for what the others are answered.` : all;
}

const STAGES: Record<string, string> = {
  going: 'gets more as it does well',
  held: 'is held: it gets no more until there is enough to tell, or somebody says so',
  done: 'answers everything',
  reverted: 'was taken back',
};

export function stageText(stage: string): string {
  return STAGES[stage] ?? stage;
}

export function movedText({ new: version, route, share, stage }: GatewayNews): string {
  return `${version} ${stageText(stage)} on ${route}, with ${percent(share).value} % of requests.`;
}
