//! What goes over the wire: plain data with units in its names, ids in hexadecimal, times in
//! milliseconds or microseconds since 1970 as the name says.

mod board;
mod columns;
mod convert;
mod database;
mod finding;
mod flame;
mod gateway;
mod health;
mod ledger;
mod log;
mod operation;
mod orders;
mod overview;
mod plan;
pub(crate) mod profile;
mod progress;
mod proof;
mod question;
mod run;
mod span;
mod sql;
mod status;
mod system;
mod trace;
mod view;

pub use board::{
    Board, BoardFigure, BoardMoney, BoardOpen, BoardRemedies, BoardRow, BoardSpent, BoardUnit,
};
pub use columns::{EventColumns, OpenedTrace, OpenedTraces, SpanColumns, TraceColumns};
pub(crate) use convert::{hex, micros, unix_micros, unix_ms};
pub use database::{
    ActivityPoint, Change, ConnectionPoint, DatabaseDetail, DatabaseEvidence, DatabaseIndex,
    DatabaseIndexDetail, DatabaseIndexes, DatabaseLog, DatabaseReport, DatabaseSession,
    DatabaseStatement, DatabaseStatementDetail, DatabaseStatements, DatabaseSummary, DatabaseTable,
    DatabaseTableDetail, DatabaseTables, Databases, DroppedIndex, IndexPoint, IndexSet, IoPoint,
    LoadPoint, LockNode, LogPoint, LoggedFiles, LoggedWait, MissingRight, PlanSeen, Progress,
    ProposedIndex, SessionCount, Standby, StandbyPoint, StatementEffect, StatementPoint,
    StatementRoute, TablePoint, Wait,
};
pub use finding::{
    Advice, Attribute, CodeLocation, Evidence, Example, Facet, Finding, FindingDetail, Findings,
    GatewayChange, GatewaySetting, Impact, Level, Report, Snippet, Statement, Totals,
};
pub use flame::{FlameAmounts, FlameAnswer, FlameFrame, FlameSide, FlameTree, FlameUnit};
pub use gateway::{
    Gateway, GatewayAnswer, GatewayCache, GatewayCacheDisk, GatewayCanary, GatewayCapture,
    GatewayDecided, GatewayLimit, GatewayMember, GatewayNews, GatewayNotKept, GatewayRefused,
    GatewayRoute, GatewayRouteCache, GatewayService, GatewayThread, GatewayVersion,
};
pub use health::{Health, Readiness, ReadyDisk, ReadyMemory, ReadyPart};
pub use ledger::{
    Ledger, LedgerCount, LedgerEntry, LedgerFigure, LedgerKind, LedgerMeasured, LedgerProof,
    LedgerProofRow, LedgerRemedy, LedgerRun, LedgerStep,
};
pub use log::{Log, Logs, TraceLogs};
pub(crate) use operation::nanos_as_micros;
pub use operation::{
    Breakdown, Bucket, Group, GroupKind, Operation, OperationDetail, Operations, Percentiles,
    Point, Request, Requests, Spark, TargetFigures, Window,
};
pub use orders::{
    GatewayCanaryOrder, GatewayCanaryVerb, GatewayForgotten, GatewayMemberDone, GatewayMemberOrder,
    GatewayMemberVerb, GatewayPurge, GatewayWarm, GatewayWarmed,
};
pub use overview::{
    ChangeKind, ChangedEndpoint, Mark, MarkKind, Marks, Objective, Overview, ServiceSigns, Signs,
};
pub use plan::{Plan, PlanAnswer, PlanFact, PlanNode, PlanNote};
pub use profile::{Profile, ProfileAnswer, ProfileFigures, ProfileFunction};
pub use progress::{FindingEvent, FindingNote, FindingProgress, FindingState};
pub use proof::{
    KeptRequests, Proof, ProofBin, ProofErrors, ProofMeasure, ProofRoute, ProofSide, ProofTests,
    ProofWork,
};
pub use question::{
    ComparedField, ComparedValue, ComparisonAnswer, Coverage, Fields, FigureColumn, FigureUnit,
    Heatmap, HeatmapColumn, SpanList, SpanSummary, TableAnswer, TableRow, TableStep,
};
pub use run::{RunCount, RunKind, Runs};
pub use span::{KeyValue, Scope, SpanDetail, SpanEvent, SpanLink};
pub use sql::{SqlAnswer, SqlColumn, SqlQuestion};
pub use status::{Detector, Detectors, Flow, Loss, ProcessUsage, Status, StoreUsage};
pub use system::{
    MapEdge, MapNode, MapNodeKind, MapTraffic, MetricName, ResourceAspect, ResourceFigure,
    ResourceLevel, ResourceSeries, Resources, Saturation, ServiceMap, ServiceSaturation,
};
pub use trace::{Fold, Trace, TraceNode, TraceStatement};
pub use view::{SavedView, Views};
