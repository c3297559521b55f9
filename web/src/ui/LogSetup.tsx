/** What to set so that a service sends its log records, or its metrics, here. */
import { path, useApi } from '../api/use';
import type { Status } from '../api/types';
import { Code } from './Copy';
import { environment } from './Setup';

export function LogSetup() {
  const { data } = useApi<Status>(path('status'));
  return (
    <>
      <Code
        label="environment of your service"
        text={environment(data?.otlp_http ?? undefined, data?.otlp_grpc ?? undefined, 'logs')}
      />
      <p>
        Java and .NET agents need no more. For Python add{' '}
        <code>OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true</code>.
      </p>
    </>
  );
}

export function MetricSetup() {
  const { data } = useApi<Status>(path('status'));
  const http = data?.otlp_http ?? '127.0.0.1:4318';
  return (
    <>
      <p>Processes and pools tell of themselves:</p>
      <Code
        label="environment of your service"
        text={environment(data?.otlp_http ?? undefined, data?.otlp_grpc ?? undefined, 'metrics')}
      />
      <p>
        Hosts are told of by the OpenTelemetry Collector, with its <code>hostmetrics</code>{' '}
        receiver:
      </p>
      <Code
        label="collector.yaml"
        text={[
          'receivers:',
          '  hostmetrics:',
          '    scrapers: { cpu: {}, memory: {}, disk: {}, filesystem: {}, network: {}, load: {} }',
          'exporters:',
          `  otlphttp: { endpoint: "http://${http}" }`,
          'processors:',
          '  resourcedetection: { detectors: [system] }',
          'service:',
          '  pipelines:',
          '    metrics:',
          '      receivers: [hostmetrics]',
          '      processors: [resourcedetection]',
          '      exporters: [otlphttp]',
        ].join('\n')}
      />
    </>
  );
}
