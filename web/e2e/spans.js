// @ts-check
/** Made-up requests as a service would send them: OTLP JSON over HTTP, old and new conventions. */

/**
 * @typedef {{ name: string, kind?: number, from: number, to: number, parent?: number | undefined,
 *   scope?: string, service?: string, attributes?: Record<string, string | number | boolean>, error?: string,
 *   events?: { name: string, at: number, attributes: Record<string, string> }[],
 *   links?: { traceId: string, spanId: string }[] }} MadeUp  `from` and `to` in milliseconds.
 */

const SERVER = 2;
const CLIENT = 3;
const DJANGO = 'opentelemetry.instrumentation.django';
const PSYCOPG = 'opentelemetry.instrumentation.psycopg';
const REDIS = 'opentelemetry.instrumentation.redis';
const REQUESTS = 'opentelemetry.instrumentation.requests';

/** A generator with a seed (mulberry32), so that each run sends the same.
 * @param {number} seed */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** One request, put together call by call. */
class Request {
  /** @param {() => number} chance @param {string} method @param {string} route @param {number} status */
  constructor(chance, method, route, status = 200) {
    this.chance = chance;
    this.cursor = 2 + chance() * 2;
    /** @type {MadeUp[]} */
    this.spans = [
      {
        name: `${method} ${route}`,
        kind: SERVER,
        from: 0,
        to: 0,
        scope: DJANGO,
        attributes: {
          'http.method': method,
          'http.route': route,
          'http.target': `/${route}`,
          'http.status_code': status,
          'http.scheme': 'http',
          'http.host': 'shop.example',
          'net.host.port': 8000,
          'http.user_agent': 'Mozilla/5.0',
        },
      },
    ];
  }

  /** @param {string} sql @param {number} [millis] */
  query(sql, millis = 2.4) {
    const verb = sql.slice(0, sql.indexOf(' '));
    this.call(verb, millis, PSYCOPG, {
      'db.system': 'postgresql',
      'db.name': 'shop',
      'db.user': 'shop',
      'db.statement': sql,
      'net.peer.name': 'db.internal',
      'net.peer.port': 5432,
    });
  }

  /** @param {string} key */
  cached(key) {
    this.call('GET', 0.6, REDIS, { 'db.system': 'redis', 'db.statement': `GET ${key}` });
  }

  /** @param {string} method @param {string} url @param {number} millis @param {number} [status] */
  http(method, url, millis, status = 200) {
    this.call(method, millis, REQUESTS, {
      'http.method': method,
      'http.url': url,
      'http.status_code': status,
    });
  }

  /** @param {number} millis */
  think(millis) {
    this.cursor += millis * (0.8 + this.chance() * 0.4);
  }

  /** @param {string} name @param {number} millis @param {string} scope
   * @param {Record<string, string | number>} attributes @param {number} [kind] */
  call(name, millis, scope, attributes, kind = CLIENT) {
    const took = millis * (0.7 + this.chance() * 0.6);
    const from = this.cursor;
    this.spans.push({ name, kind, from, to: from + took, parent: 0, scope, attributes });
    this.cursor = from + took + 0.25 + this.chance() * 0.3;
  }

  end() {
    const root = this.spans[0];
    if (root !== undefined) root.to = this.cursor + 1;
    return this.spans;
  }
}

/** @type {Record<string, (chance: () => number) => MadeUp[]>} */
export const REQUESTS_MADE_UP = {
  orders(chance) {
    const request = new Request(chance, 'GET', 'api/orders/');
    request.query(
      'SELECT "shop_order"."id", "shop_order"."number", "shop_order"."customer_id", "shop_order"."placed_at" FROM "shop_order" ORDER BY "shop_order"."placed_at" DESC LIMIT %s',
      11,
    );
    for (let order = 0; order < 60; order += 1) {
      request.query(
        'SELECT "shop_customer"."id", "shop_customer"."name", "shop_customer"."email" FROM "shop_customer" WHERE "shop_customer"."id" = %s LIMIT 21',
      );
      request.query(
        'SELECT "shop_item"."id", "shop_item"."order_id", "shop_item"."product_id", "shop_item"."quantity" FROM "shop_item" WHERE "shop_item"."order_id" = %s',
      );
      for (let item = 0; item < 4; item += 1) {
        request.query(
          'SELECT "shop_product"."id", "shop_product"."name", "shop_product"."price" FROM "shop_product" WHERE "shop_product"."id" = %s LIMIT 21',
          1.7,
        );
      }
    }
    request.think(30);
    return request.end();
  },
  dashboard(chance) {
    const request = new Request(chance, 'GET', 'dashboard');
    request.query(
      'SELECT "auth_user"."id", "auth_user"."email" FROM "auth_user" WHERE "auth_user"."id" = %s',
    );
    request.query(
      'SELECT "hiring_application"."id", "hiring_application"."candidate_id", "hiring_application"."job_id" FROM "hiring_application" WHERE NOT "hiring_application"."archived" ORDER BY "hiring_application"."created" DESC LIMIT 62',
      9,
    );
    for (let row = 0; row < 62; row += 1) {
      request.query(
        'SELECT "hiring_candidate"."id", "hiring_candidate"."name" FROM "hiring_candidate" WHERE "hiring_candidate"."id" = %s',
        1.9,
      );
      request.query(
        'SELECT "hiring_job"."id", "hiring_job"."title" FROM "hiring_job" WHERE "hiring_job"."id" = %s',
        1.6,
      );
      request.query(
        'SELECT "hiring_status"."id", "hiring_status"."label" FROM "hiring_status" WHERE "hiring_status"."id" = %s',
        1.4,
      );
    }
    request.think(55);
    return request.end();
  },
  submit(chance) {
    const request = new Request(chance, 'POST', 'submit', 201);
    request.query(
      'INSERT INTO "hiring_application" ("candidate_id", "job_id", "text") VALUES (%s, %s, %s) RETURNING "hiring_application"."id"',
      6,
    );
    request.call('smtp.send', 780, 'opentelemetry.instrumentation.smtplib', {
      'server.address': 'mail.internal',
      'server.port': 25,
      'messaging.system': 'smtp',
    });
    request.http('POST', 'https://hr.example.com/api/v2/applications', 640, 202);
    request.http('POST', 'https://hooks.example.net/services/T0/B1', 410);
    return request.end();
  },
  product(chance) {
    const request = new Request(chance, 'GET', 'api/products/<int:pk>/');
    request.cached('product:412');
    if (chance() < 0.2) {
      request.query(
        'SELECT "shop_product"."id", "shop_product"."name", "shop_product"."price" FROM "shop_product" WHERE "shop_product"."id" = %s LIMIT 21',
        2,
      );
    }
    request.think(3);
    return request.end();
  },
  basket(chance) {
    const request = new Request(chance, 'GET', 'api/basket/');
    request.query(
      'SELECT "shop_line"."id", "shop_line"."product_id" FROM "shop_line" WHERE "shop_line"."basket_id" = %s',
      4,
    );
    for (let line = 0; line < 24; line += 1) {
      request.query(
        'SELECT "shop_stock"."product_id", "shop_stock"."left" FROM "shop_stock" WHERE "shop_stock"."product_id" = %s',
        1.8,
      );
    }
    request.think(6);
    return request.end();
  },
  /** The same once it was mended. */
  basketAtOnce(chance) {
    const request = new Request(chance, 'GET', 'api/basket/');
    request.query(
      'SELECT "shop_line"."id", "shop_line"."product_id" FROM "shop_line" WHERE "shop_line"."basket_id" = %s',
      4,
    );
    request.query(
      'SELECT "shop_stock"."product_id", "shop_stock"."left" FROM "shop_stock" WHERE "shop_stock"."product_id" = ANY(%s)',
      3.5,
    );
    request.think(6);
    return request.end();
  },
  posts(chance) {
    const request = new Request(chance, 'GET', 'api/posts/');
    request.query('SELECT COUNT(*) AS "__count" FROM "blog_post"', 92);
    request.query(
      'SELECT "blog_post"."id", "blog_post"."title", "blog_post"."body" FROM "blog_post" ORDER BY "blog_post"."id" DESC LIMIT 20 OFFSET 180000',
      148,
    );
    request.think(12);
    return request.end();
  },
  report(chance) {
    const large = chance() < 0.35;
    const request = new Request(chance, 'GET', 'api/report/');
    Object.assign(request.spans[0]?.attributes ?? {}, {
      'app.plan': large ? 'enterprise' : 'free',
    });
    request.query(
      'SELECT "shop_sale"."day", SUM("shop_sale"."total") FROM "shop_sale" WHERE "shop_sale"."account_id" = %s GROUP BY "shop_sale"."day"',
      large ? 620 : 24,
    );
    request.think(6);
    return request.end();
  },
  pay(chance) {
    const failed = chance() < 0.3;
    const request = new Request(chance, 'POST', 'api/pay', failed ? 502 : 200);
    request.query(
      'SELECT "shop_order"."id", "shop_order"."total" FROM "shop_order" WHERE "shop_order"."id" = %s FOR UPDATE',
      3,
    );
    request.http(
      'POST',
      'https://pay.example.com/v1/charges',
      failed ? 900 : 190,
      failed ? 504 : 200,
    );
    const spans = request.end();
    const last = spans.at(-1);
    if (failed && last !== undefined) {
      last.error = 'gateway timeout';
      last.events = [
        {
          name: 'exception',
          at: last.to,
          attributes: {
            'exception.type': 'requests.exceptions.HTTPError',
            'exception.message': '504 Server Error: Gateway Timeout',
            'exception.stacktrace':
              'Traceback (most recent call last):\n  File "/srv/shop/pay/views.py", line 48, in charge\n    answer.raise_for_status()\nrequests.exceptions.HTTPError: 504 Server Error',
          },
        },
      ];
      last.links = [{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }];
    }
    return spans;
  },
  health(chance) {
    const request = new Request(chance, 'GET', 'health');
    request.query('SELECT %s', 0.4);
    return request.end();
  },
};

/** A request with as many spans as asked for.
 * @param {number} count @returns {MadeUp[]} */
export function large(count) {
  const request = new Request(random(7), 'GET', 'api/export');
  while (request.spans.length < count) {
    const row = request.spans.length;
    if (row % 500 === 1)
      request.query(
        'SELECT "shop_order"."id" FROM "shop_order" WHERE "shop_order"."id" > %s ORDER BY "shop_order"."id" LIMIT 500',
        4,
      );
    else if (row % 7 === 0) request.call(`write row ${row}`, 0.3, 'shop.export', { row }, 1);
    else
      request.query(
        'SELECT "shop_item"."id" FROM "shop_item" WHERE "shop_item"."order_id" = %s',
        0.3,
      );
  }
  return request.end();
}

/** @param {number} number @param {number} digits */
function hex(number, digits) {
  return Math.floor(number).toString(16).padStart(digits, '0').slice(-digits);
}

/** @param {Record<string, string | number | boolean>} attributes */
function pairs(attributes) {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : Number.isInteger(value)
            ? { intValue: `${value}` }
            : { doubleValue: value },
  }));
}

/** The id of the first span of a trace that was sent with `id`.
 * @param {number} id */
export function rootSpanId(id) {
  return hex(id * 100_000 + 1, 16);
}

/** An `ExportTraceServiceRequest` of one trace; spans with a service of their own are of that one.
 * @param {string} service @param {MadeUp[]} spans @param {number} startMs @param {number} id
 * @param {string} version */
export function otlp(service, spans, startMs, id, version = '4.2.0') {
  // As random as real ones where they are told by their first digits, and none twice.
  const first = random((Math.imul(id, 0x9e3779b1) + Date.now()) | 0)() * 2 ** 32;
  const traceId = `${hex(first, 8)}${hex(Date.now(), 12)}${hex(id, 12)}`;
  const nanos = (/** @type {number} */ millis) =>
    `${BigInt(Math.round(startMs)) * 1000000n + BigInt(Math.round(millis * 1e6))}`;
  const spanId = (/** @type {number} */ place) => hex(id * 100_000 + place + 1, 16);
  /** @type {Map<string, Map<string, object[]>>} */
  const services = new Map();
  spans.forEach((span, place) => {
    const scope = span.scope ?? DJANGO;
    const scopes = services.get(span.service ?? service) ?? new Map();
    services.set(span.service ?? service, scopes);
    const list = scopes.get(scope) ?? [];
    scopes.set(scope, list);
    list.push({
      traceId,
      spanId: spanId(place),
      parentSpanId: span.parent === undefined ? '' : spanId(span.parent),
      name: span.name,
      kind: span.kind ?? 1,
      startTimeUnixNano: nanos(span.from),
      endTimeUnixNano: nanos(span.to),
      attributes: pairs(span.attributes ?? {}),
      events: (span.events ?? []).map((event) => ({
        name: event.name,
        timeUnixNano: nanos(event.at),
        attributes: pairs(event.attributes),
      })),
      links: span.links ?? [],
      status: span.error === undefined ? {} : { code: 2, message: span.error },
    });
  });
  const resourceSpans = [...services].map(([name, scopes]) => ({
    resource: {
      attributes: pairs({
        'service.name': name,
        'service.version': version,
        'telemetry.sdk.language': 'python',
        'telemetry.sdk.name': 'opentelemetry',
        'host.name': 'web-1',
        'process.pid': 4711,
      }),
    },
    scopeSpans: [...scopes].map(([scope, list]) => ({
      scope: { name: scope, version: '0.62b0' },
      spans: list,
    })),
  }));
  return { traceId, body: { resourceSpans } };
}

/** A request to one service that asks others, which use a database: `web` asks `basket` and `catalog`.
 * @param {() => number} chance @param {string} begin what their names begin with @returns {MadeUp[]} */
export function acrossServices(chance, begin) {
  const took = 40 + chance() * 40;
  /** @param {string} name @param {number} kind @param {number} from @param {number} to @param {number} parent
   * @param {string} service @param {Record<string, string | number>} attributes @returns {MadeUp} */
  const span = (name, kind, from, to, parent, service, attributes) => ({
    name,
    kind,
    from,
    to,
    parent,
    service: `${begin}-${service}`,
    attributes,
  });
  const call = (/** @type {string} */ host) => ({
    'http.method': 'GET',
    'http.url': `http://${host}/`,
    'http.status_code': 200,
  });
  const sql = {
    'db.system': 'postgresql',
    'db.name': 'catalog',
    'db.statement': 'SELECT "id" FROM "article" WHERE "id" = %s',
  };
  const route = { 'http.method': 'GET', 'http.route': '/page', 'http.status_code': 200 };
  return [
    { ...span('GET /page', SERVER, 0, took + 30, 0, 'web', route), parent: undefined },
    span('GET', CLIENT, 2, 12, 0, 'web', call('basket')),
    span('GET /basket', SERVER, 3, 11, 1, 'basket', { ...route, 'http.route': '/basket' }),
    span('GET', CLIENT, 14, took + 26, 0, 'web', call('catalog')),
    span('GET /articles', SERVER, 15, took + 25, 3, 'catalog', {
      ...route,
      'http.route': '/articles',
    }),
    span('SELECT', CLIENT, 18, took + 20, 4, 'catalog', sql),
  ];
}

/** A request through some of many services, each of which asks the next and a database: what a map of 200 has to draw.
 * @param {number} services @param {number} first @param {() => number} chance @returns {MadeUp[]} */
export function throughMany(services, first, chance) {
  const LENGTH = 10;
  const name = (/** @type {number} */ place) => `many-${(first + place * 7) % services}`;
  const route = (/** @type {number} */ place) => ({
    'http.method': 'GET',
    'http.route': `/${name(place)}`,
    'http.status_code': 200,
  });
  /** @type {MadeUp[]} */
  const spans = [];
  const took = 60 + chance() * 40;
  for (let place = 0; place < LENGTH; place += 1) {
    const [from, to] = [place * 2, took - place * 2];
    const parent = place === 0 ? undefined : spans.length - 2;
    const service = name(place);
    spans.push({ name: 'GET', kind: SERVER, from, to, parent, service, attributes: route(place) });
    const own = spans.length - 1;
    const sql = { 'db.system': 'postgresql', 'db.name': 'many', 'db.statement': 'SELECT %s' };
    if (place === LENGTH - 1)
      spans.push({
        name: 'SELECT',
        kind: CLIENT,
        from,
        to: from + 5,
        parent: own,
        service,
        attributes: sql,
      });
    else {
      const attributes = { 'http.method': 'GET', 'http.url': `http://${name(place + 1)}/` };
      spans.push({
        name: 'GET',
        kind: CLIENT,
        from: from + 1,
        to: to - 1,
        parent: own,
        service,
        attributes,
      });
      // The next one is below this call.
      spans.push({ name: 'check', from: from + 1, to: from + 2, parent: own, service });
    }
  }
  return spans;
}

/** Sends one trace; answers its id.
 * @param {string} url @param {string} service @param {MadeUp[]} spans @param {number} startMs
 * @param {number} id @param {string} [version] */
export async function send(url, service, spans, startMs, id, version) {
  const { traceId, body } = otlp(service, spans, startMs, id, version);
  const response = await fetch(`${url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return traceId;
}
