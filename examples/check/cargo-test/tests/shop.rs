//! Tests whose spans go where `taut check --live` says, by the environment.

use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::SdkTracerProvider;

/// Spans are sent when a test ends: a process that ends does not send what is left by itself.
struct Spans(SdkTracerProvider);

impl Spans {
    fn on() -> Self {
        let exporter = SpanExporter::builder()
            .with_http()
            .build()
            .expect("the exporter is set by the environment");
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
        opentelemetry::global::set_tracer_provider(provider.clone());
        Self(provider)
    }
}

impl Drop for Spans {
    fn drop(&mut self) {
        self.0.shutdown().expect("spans are sent");
    }
}

#[test]
fn orders_name_their_customers() {
    let _spans = Spans::on();
    assert_eq!(shop::orders()[..2], ["customer 1", "customer 2"]);
}
