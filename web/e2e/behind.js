// @ts-check
/** A small application to put behind a gateway, and requests through it, for pictures of the Gateway page. */
import { createServer } from 'node:http';

import { random } from './spans.js';

/** What is asked for, how long it takes in milliseconds, and for how many seconds its answer may be kept. */
const ASKED = [
  { path: '/items/', count: 40, takes: 12, kept: 60 },
  { path: '/search?q=', count: 400, takes: 45, kept: 0 },
  { path: '/orders/', count: 200, takes: 28, kept: 0 },
];

/** Answers like an application that takes its time. @param {number} port */
export function answerOn(port) {
  const chance = random(port);
  const server = createServer((request, response) => {
    const known = ASKED.find(({ path }) => request.url?.startsWith(path));
    const slow = chance() < 0.03 ? 8 : 1;
    const took = (known?.takes ?? 1) * (0.5 + chance()) * slow;
    setTimeout(() => {
      const status = known?.kept === 0 && chance() < 0.01 ? 503 : 200;
      const kept = known?.kept ? `max-age=${known.kept}` : 'no-store';
      response.writeHead(status, { 'content-type': 'text/plain', 'cache-control': kept });
      response.end(`${request.url ?? ''}\n`.repeat(40));
    }, took);
  });
  server.listen(port, '127.0.0.1');
  return server;
}

/** Asks a gateway at this address, eight at a time, until it is told to stop. @param {string} url */
export function askThrough(url) {
  const chance = random(3);
  let isOver = false;
  const one = async () => {
    while (!isOver) {
      const known = ASKED[Math.floor(chance() ** 2 * ASKED.length)];
      const number = Math.floor(chance() ** 2 * (known?.count ?? 1));
      const answer = await fetch(`${url}${known?.path ?? '/'}${number}`);
      await answer.arrayBuffer();
      await new Promise((resolve) => setTimeout(resolve, 20 + chance() * 60));
    }
  };
  const all = Promise.allSettled(Array.from({ length: 8 }, one));
  return async () => {
    isOver = true;
    const failed = (await all).find(({ status }) => status === 'rejected');
    if (failed !== undefined) throw new Error(`the gateway at ${url} does not answer`);
  };
}

// By itself it is two members: `node e2e/behind.js 8001 8002`.
if (process.argv[1]?.endsWith('behind.js')) {
  for (const port of process.argv.slice(2)) answerOn(Number(port));
}
