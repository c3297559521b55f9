// Jest loads modules by itself, so that instrumentation does not see what tests `require`: the server is a process of its
// own, and the tests ask it over HTTP.
const { fork } = require('node:child_process');
const { once } = require('node:events');

let server;
let base;

beforeAll(async () => {
  const register = ['--require', '@opentelemetry/auto-instrumentations-node/register'];
  server = fork(`${__dirname}/server.js`, { execArgv: register });
  const [{ port }] = await once(server, 'message');
  base = `http://127.0.0.1:${port}`;
}, 60_000);

afterAll(async () => {
  const gone = once(server, 'exit');
  server.kill('SIGTERM');
  await gone;
}, 60_000);

test('orders name their customers', async () => {
  const answer = await fetch(`${base}/api/orders/`);
  expect(answer.status).toBe(200);
  expect((await answer.json()).slice(0, 2)).toEqual(['customer 1', 'customer 2']);
});
