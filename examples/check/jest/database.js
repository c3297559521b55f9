// Stands for a database and its instrumentation, so that the example needs no server: each query makes the span that
// OpenTelemetry's instrumentations of `pg` or `mysql2` would make.
const { trace, SpanKind } = require('@opentelemetry/api');

const tracer = trace.getTracer('database');

exports.query = async (sql, answer) => {
  const attributes = { 'db.system.name': 'postgresql', 'db.namespace': 'shop', 'db.query.text': sql };
  const span = tracer.startSpan(sql.split(' ')[0], { kind: SpanKind.CLIENT, attributes });
  await new Promise((done) => setTimeout(done, 1));
  span.end();
  return answer;
};
