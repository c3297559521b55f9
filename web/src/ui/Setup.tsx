/** What to set so that a service sends its traces here. */
import { path, useApi } from '../api/use';
import type { Status } from '../api/types';
import { Code } from './Copy';

export function Setup() {
  const { data } = useApi<Status>(path('status'));
  const text = environment(data?.otlp_http ?? undefined, data?.otlp_grpc ?? undefined);
  return (
    <>
      <p>
        Point the OpenTelemetry exporter of your service here, start it, and use it for a minute.
        This page fills by itself.
      </p>
      <Code text={text} label="environment of your service" />
      <p>For a Python service, for instance:</p>
      <Code
        label="shell"
        text={
          'pip install opentelemetry-distro opentelemetry-exporter-otlp\n' +
          'opentelemetry-bootstrap -a install\n' +
          'opentelemetry-instrument gunicorn shop.wsgi'
        }
      />
      <p>
        Or read a file of spans without sending any: <code>taut find spans.json</code>
      </p>
    </>
  );
}

/** The environment of a service that sends its traces here, and its log records and metrics. */
export function environment(http?: string, grpc?: string, only?: 'logs' | 'metrics'): string {
  const protocol = http === undefined && grpc !== undefined ? 'grpc' : 'http/protobuf';
  const address = http ?? grpc ?? '127.0.0.1:4318';
  return [
    'export OTEL_SERVICE_NAME=shop',
    `export OTEL_EXPORTER_OTLP_ENDPOINT=http://${reachable(address)}`,
    `export OTEL_EXPORTER_OTLP_PROTOCOL=${protocol}`,
    only === undefined ? 'export OTEL_TRACES_EXPORTER=otlp' : '',
    only === 'metrics' ? '' : 'export OTEL_LOGS_EXPORTER=otlp',
    only === 'logs' ? '' : 'export OTEL_METRICS_EXPORTER=otlp',
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** An address that listens everywhere is reached by the name under which this page was. */
function reachable(address: string): string {
  const anywhere = /^(0\.0\.0\.0|\[::\]):(\d+)$/.exec(address);
  return anywhere === null ? address : `${location.hostname}:${anywhere[2] ?? ''}`;
}
