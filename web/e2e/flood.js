// @ts-check
/**
 * Sends a million spans as fast as they are taken: `node e2e/flood.js`, for whoever looks at pages meanwhile (`frames.js` does).
 * SIGTERM ends it earlier. Exits with 1 where an export was neither taken nor told to come again, or where it was too slow for a flood.
 */
import { large, otlp } from './spans.js';

const URL_OTLP = process.env['TAUT_OTLP_URL'] ?? 'http://127.0.0.1:4318';
const SPANS = Number(process.env['TAUT_FLOOD_SPANS'] ?? 1_000_000);
const EACH = 500;
/** A flood that is slower than this is none. */
const LEAST_PER_SECOND = 5_000;
/** What a receiver says that wants an export again later. */
const BUSY = 503;

// One export, sent again and again under other ids: making them anew would take longer than sending them.
const { traceId, body } = otlp('flood', large(EACH), Date.now() - 2000, 1);
const text = JSON.stringify(body);
const begun = Date.now();
let sent = 0;
let refused = 0;
let isOver = false;
process.on('SIGTERM', () => (isOver = true));
/** @type {Set<string>} */
const wrong = new Set();

/** Other ids, and times that are now. @param {number} number */
function renewed(number) {
  const id = traceId.slice(0, 16) + number.toString(16).padStart(16, '0');
  return text.replaceAll(traceId, id);
}

/** @param {number} first @param {number} step */
async function some(first, step) {
  for (let number = first; number * EACH < SPANS && !isOver; number += step) {
    const export_ = renewed(number + 1);
    for (;;) {
      const answer = await fetch(`${URL_OTLP}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: export_,
      });
      const said = await answer.text();
      if (answer.ok) break;
      if (answer.status !== BUSY) {
        wrong.add(`${answer.status} ${said.slice(0, 200)}`);
        return;
      }
      refused += 1;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    sent += EACH;
  }
}

await Promise.all([0, 1, 2, 3].map((first) => some(first, 4)));
const secs = (Date.now() - begun) / 1000;
console.log(
  `the flood: ${sent} spans in ${secs.toFixed(1)} s, ${refused} exports told to come again`,
);
if (sent / secs < LEAST_PER_SECOND)
  wrong.add(`${(sent / secs).toFixed(0)} spans a second are no flood`);
for (const one of wrong) console.log(`the flood went wrong: ${one}`);
if (wrong.size > 0) process.exitCode = 1;
