/** Results of the command line, opened by dropping them: each kind, two runs at once, and files that are none. */
import { MS, run, told, LIMIT, SEARCH, REPLAY, PROOF, drop, expectGood } from './made';
import { expect, HARM_TEXT, test } from './seeded';

test('a run tells its percentiles over time, how they are spread, and its routes', async ({
  page,
}) => {
  await drop(page, run('http://shop/', 1));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    /200 answers a second, p50 \d.* ms, p95 90\.0 ms/,
  );
  await expect(
    page.getByRole('img', { name: /latency from the intended start over time/ }),
  ).toBeVisible();
  await expect(
    page.getByRole('img', { name: /requests: most of them, \d+, between/ }),
  ).toBeVisible();
  await expect(page.getByRole('list', { name: 'What to know about this run' })).toContainText(
    'without figures as sent',
  );
  await expect(page.getByRole('row', { name: /timed out 2 /i })).toBeVisible();
  await expect(page.getByRole('row', { name: /GET \/orders 500/ })).toBeVisible();
  await expectGood(page);
});

test('a run counts timeouts as the terminal does, beside figures as sent, goals and the generator', async ({
  page,
}) => {
  await drop(page, told('http://shop/'));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    '100 answers a second, p50 3.00 ms, p95 450 ms, p99 30.0 s',
  );
  await expect(page.getByRole('row', { name: /^p95 450\s*ms 15\.0\s*ms$/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /p95 below 200\.00 ms .* missed/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /answers with status 500 3 / })).toBeVisible();
  await expect(page.getByRole('row', { name: /timed out 20 / })).toBeVisible();
  await expect(page.getByRole('row', { name: /requests with a latency.* 940/ })).toBeVisible();
  await expect(page.getByRole('list', { name: 'What to know about this run' })).toContainText(
    'The generator was the bottleneck',
  );
  await expect(page.getByText('starts 40.0 ms late at p99')).toBeVisible();
  await expect(
    page.getByRole('img', { name: /as sent: most of them.*from the intended start: most/ }),
  ).toBeVisible();
  await expectGood(page);
});

test('two runs of this version are laid one over the other by all of their requests', async ({
  page,
}) => {
  await drop(page, told('http://old/'), told('http://new/'));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('p95 450 ms → 450 ms');
  await expect(page.getByRole('row', { name: /requests with a latency 940 940/ })).toBeVisible();
  await expectGood(page);
});

test('two runs are laid one over the other', async ({ page }) => {
  await drop(page, run('http://old/', 4), run('http://new/', 1));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('p95 360 ms → 90.0 ms');
  await expect(page.getByRole('row', { name: /p50 .*ms.*ms/ })).toBeVisible();
  await expectGood(page);
});

test('a search shows where it breaks', async ({ page }) => {
  await drop(page, LIMIT);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    'It holds 800 a second, and breaks at 830',
  );
  await expect(page.getByRole('img', { name: /p95 against requests a second/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /830 .*broke/ })).toBeVisible();
  await expectGood(page);
});

test('a search of flows is told in requests, with goals, headroom and the scalability law', async ({
  page,
}) => {
  await drop(page, SEARCH);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    'It holds 200 flows (800 requests) a second, and breaks at 250 flows (1,000 requests)',
  );
  await expect(
    page.getByText('20 % headroom at today’s peak of 640 a second, which is short: below 30 %.'),
  ).toBeVisible();
  const notes = page.getByRole('list', { name: 'What to know about this search' });
  await expect(notes).toContainText('Knee: about 600 a second');
  await expect(notes).toContainText('Up to 8 % of flows were not done');
  await expect(
    page.getByRole('img', {
      name: /p95 against requests a second: 100 a second .*goal p95 below 200\.00 ms.*peak 640/,
    }),
  ).toBeVisible();
  await expect(
    page.getByRole('img', { name: /throughput against requests at work at once: 100 a second/ }),
  ).toBeVisible();
  const law = page.getByRole('table', { name: 'The scalability law' });
  await expect(law.getByRole('row', { name: /contention.* 6 % 5 % to 7 %/ })).toBeVisible();
  await expect(
    law.getByRole('row', { name: /coherency.* 0\.04 % 0\.02 % to 0\.09 %/ }),
  ).toBeVisible();
  await expect(law.getByRole('row', { name: /most requests.* 1,900 1,500 or more/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /^1,000 250 820 .*broke$/ })).toBeVisible();
  await expectGood(page);
});

test('a search without a law says why there is none', async ({ page }) => {
  await drop(page, { ...SEARCH, scalability: null, no_fit_because: '3 points are too few' });
  await expect(page.getByRole('list', { name: 'What to know about this search' })).toContainText(
    'No fit of the scalability law: 3 points are too few.',
  );
  await expect(page.getByRole('table', { name: 'The scalability law' })).toHaveCount(0);
});

test('a replay tells what differs, by endpoint and place, with an example', async ({ page }) => {
  await drop(page, REPLAY);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    '18 of 40 answers differ, in 1 place',
  );
  await expect(page.getByRole('heading', { name: 'GET /orders/{id}' })).toBeVisible();
  const difference = page.locator('.differences > li').first();
  await expect(difference).toContainText('/orders/*/total');
  await expect(difference).toContainText('12.5');
  await expect(difference).toContainText('onerror');
  await page.getByText('Noise, left out').click();
  await expect(page.getByText('GET /orders/{id} /views')).toBeVisible();
  await expectGood(page);
});

test('a replay tells answers that are the same as far as they were kept, and which is faster', async ({
  page,
}) => {
  await drop(page, {
    ...REPLAY,
    identical: 20,
    equal: 3,
    same_as_far_as_kept: 14,
    noisy: 2,
    different: 0,
    not_comparable: 1,
    differences: [],
    endpoints: [{ endpoint: `GET /${HARM_TEXT}`, compared: 40 }],
    p95: { verdict: 'better', reason: 'p95 changed by -12 %' },
    took_nanos: 2_500 * MS,
  });
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    'All 39 answers are the same, as far as they were kept',
  );
  await expect(
    page.getByText('14 the same as far as they were kept, 2 different in noise'),
  ).toBeVisible();
  await expect(page.getByText('1 not kept, so not compared')).toBeVisible();
  await expect(page.getByText('p95 better: p95 changed by −12 %')).toBeVisible();
  await page.getByText('Without a difference: 1 endpoint').click();
  await expect(page.getByRole('row', { name: /onerror.* 40/ })).toBeVisible();
  await expectGood(page);
});

test('a comparison tells what it used, its tests and every note', async ({ page }) => {
  const side = { given: 1000, warm_up: 30, failed: 5, other_routes: 10, compared: 955, worth: 401 };
  await drop(page, {
    ...PROOF,
    verdict: 'cannot tell',
    more_requests: 1200,
    matters: 0.05,
    interval_level: 0.96,
    before: side,
    after: { ...side, warm_up: 0 },
    errors: { before: 0, after: 0.02, p: 0.013 },
    tests: {
      ...{ mann_whitney_p: 0.00001, kolmogorov_smirnov_d: 0.31, kolmogorov_smirnov_p: 0.02 },
      ...{ cliffs_delta: -0.44, effect: 'medium' },
    },
    notes: ['Before gets slower over its length.', `Mixes differ: ${HARM_TEXT}`],
  });
  await expect(page.getByText('about 1,200 more a side would tell')).toBeVisible();
  await expect(
    page.getByText('a change of 5 % or more matters; intervals hold with 96 %'),
  ).toBeVisible();
  await expect(page.getByText('Mann–Whitney p < 0.0001')).toContainText('delta −0.44');
  await expect(page.getByRole('row', { name: 'left out as warm-up 30 0' })).toBeVisible();
  await expect(page.getByRole('row', { name: /failed .*p = 0\.013/ })).toBeVisible();
  await expect(
    page.getByRole('list', { name: 'What to know about this comparison' }),
  ).toContainText('Before gets slower');
  await expectGood(page);
});

test('a comparison tells its verdict and what it rests on', async ({ page }) => {
  await drop(page, PROOF);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('better: p95 changed by −92 %');
  await expect(
    page.getByRole('row', { name: /p95 1\.20 s 95\.0 ms .*−97 % to −87 %/ }),
  ).toBeVisible();
  await expectGood(page);
});

test('what is no result says so, and another can be opened', async ({ page }) => {
  await drop(page, '{"format": "taut-load-1", "samples": [');
  await expect(page.getByRole('heading', { name: 'That cannot be shown' })).toBeVisible();
  await expect(page.getByText('only the beginning')).toBeVisible();
  await page.locator('input[type=file]').setInputFiles({
    name: 'limit.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(LIMIT)),
  });
  await expect(page.getByRole('heading', { level: 1 })).toContainText('It holds 800');
});
